/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Loads BPF objects and says what the verifier made of them, one line a load:
 *
 *	bpf_load [--max-insns N] [--max-stack N] [--variants FILE] OBJECT.bpf.o ...
 *
 * A program whose behaviour is set in .rodata is verified for the values that it is loaded with, and what
 *they make unreachable is not looked at. So FILE names the variants of each object, a line each: the object's
 *name, then settings: VARIABLE=N, VARIABLE.MEMBER=N, or `frags` for BPF_F_XDP_HAS_FRAGS. An object without a
 *line is loaded once.
 *
 * Linked statically, against libbpf only: the same binary runs in a guest that has nothing but a kernel.
 * Exit: 0 all loaded and within the limits; 1 not; 2 wrong usage; 77 no privilege.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PROGRAMS 16

struct limits {
  unsigned long insns, stack;
};

static char logs[MAX_PROGRAMS][64 * 1024]; /* statistics only: a few lines */
static bool quiet = true;

static int print(enum libbpf_print_level level, const char* format, va_list args) {
  if (quiet || level == LIBBPF_DEBUG) return 0;
  return vfprintf(stderr, format, args);
}

/* Offset and size of VARIABLE or VARIABLE.MEMBER in .rodata; false if there is none. */
static bool locate(const struct btf* btf, const char* name, size_t name_len, const char* member,
                   __u32* offset, __u32* size) {
  const __s32 section = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
  if (section < 0) return false;
  const struct btf_type* data = btf__type_by_id(btf, (__u32)section);
  const struct btf_var_secinfo* at = btf_var_secinfos(data);
  for (__u32 i = 0; i < btf_vlen(data); ++i) {
    const struct btf_type* var = btf__type_by_id(btf, at[i].type);
    const char* var_name = btf__name_by_offset(btf, var->name_off);
    if (strlen(var_name) != name_len || strncmp(var_name, name, name_len)) continue;
    *offset = at[i].offset;
    *size = at[i].size;
    if (!member) return true;
    const struct btf_type* type = btf__type_by_id(btf, (__u32)btf__resolve_type(btf, var->type));
    while (btf_is_mod(type)) type = btf__type_by_id(btf, type->type);
    if (!btf_is_composite(type)) return false;
    for (__u32 m = 0; m < btf_vlen(type); ++m) {
      const struct btf_member* field = &btf_members(type)[m];
      if (strcmp(btf__name_by_offset(btf, field->name_off), member)) continue;
      *offset += btf_member_bit_offset(type, m) / 8;
      *size = (__u32)btf__resolve_size(btf, field->type);
      return true;
    }
  }
  return false;
}

/* Applies one setting of a variant; false, with a line on stderr, if it makes no sense. */
static bool set(struct bpf_object* object, char* setting) {
  if (!strcmp(setting, "frags")) {
    struct bpf_program* program;
    bpf_object__for_each_program(program, object)
        bpf_program__set_flags(program, bpf_program__flags(program) | BPF_F_XDP_HAS_FRAGS);
    return true;
  }
  char* equals = strchr(setting, '=');
  char* end = NULL;
  unsigned long long value = equals ? strtoull(equals + 1, &end, 0) : 0;
  if (!equals || end == equals + 1 || *end) {
    fprintf(stderr, "bpf_load: '%s' is no setting\n", setting);
    return false;
  }
  *equals = 0;
  char* dot = strchr(setting, '.');
  const size_t name_len = dot ? (size_t)(dot - setting) : strlen(setting);
  __u32 offset, size;
  struct bpf_map* map;
  bpf_object__for_each_map(map, object) {
    size_t room = 0;
    if (!strstr(bpf_map__name(map), ".rodata")) continue;
    const char* now = bpf_map__initial_value(map, &room);
    char memory[4096];
    if (!now || room > sizeof(memory) ||
        !locate(bpf_object__btf(object), setting, name_len, dot ? dot + 1 : NULL, &offset, &size) ||
        size > sizeof(value) || offset + size > room)
      break;
    memcpy(memory, now, room);
    memcpy(memory + offset, &value, size); /* little-endian, as BPF is on the machines that we build for */
    return bpf_map__set_initial_value(map, memory, room) == 0;
  }
  fprintf(stderr, "bpf_load: .rodata has no scalar '%s'\n", setting);
  return false;
}

static struct bpf_object* open_with(const char* path, const char* settings, int log_level) {
  struct bpf_object* object = bpf_object__open_file(path, NULL);
  if (!object) return NULL;
  char copy[1024];
  snprintf(copy, sizeof(copy), "%s", settings);
  for (char* word = strtok(copy, " \t\n"); word; word = strtok(NULL, " \t\n"))
    if (!set(object, word)) {
      bpf_object__close(object);
      errno = EINVAL;
      return NULL;
    }
  struct bpf_program* program;
  int i = 0;
  bpf_object__for_each_program(program, object) {
    bpf_program__set_log_level(program, (__u32)log_level);
    if (log_level == 4 && i < MAX_PROGRAMS) bpf_program__set_log_buf(program, logs[i], sizeof(logs[i]));
    ++i;
  }
  return object;
}

/* "stack depth 16+8": of the program and of each function that it calls. Their sum bounds every chain of
 * calls. */
static unsigned long stack_of(const char* log) {
  const char* at = strstr(log, "stack depth ");
  unsigned long sum = 0;
  for (at = at ? at + 11 : NULL; at && (*at == ' ' || *at == '+');) {
    char* end;
    sum += strtoul(at + 1, &end, 10);
    at = end;
  }
  return sum;
}

/* One line for each program of a loaded object; false if one is over a limit or left no statistics. */
static bool report(struct bpf_object* object, const char* label, const struct limits* limits) {
  struct bpf_program* program;
  bool good = true;
  int i = 0;
  bpf_object__for_each_program(program, object) {
    const char* log = i < MAX_PROGRAMS ? logs[i++] : "";
    const char* processed = strstr(log, "processed ");
    const unsigned long insns = processed ? strtoul(processed + 10, NULL, 10) : 0, stack = stack_of(log);
    struct bpf_prog_info info = {0};
    __u32 info_len = sizeof(info);
    bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &info_len);
    const bool within =
        insns > 0 && (!limits->insns || insns < limits->insns) && (!limits->stack || stack < limits->stack);
    printf("%-4s %-44s %-15s insns %6lu  stack %3lu  xlated %5u  jited %5u%s\n", within ? "OK" : "FAIL",
           label, bpf_program__name(program), insns, stack, info.xlated_prog_len, info.jited_prog_len,
           within ? "" : (insns ? "  over the limit" : "  no statistics from the verifier"));
    good &= within;
  }
  return good;
}

/* Loads once more with the verifier's whole log, so that a failure explains itself. */
static void explain(const char* path, const char* settings) {
  struct bpf_object* object = open_with(path, settings, 1);
  if (!object) return;
  quiet = false;
  bpf_object__load(object);
  quiet = true;
  bpf_object__close(object);
}

/* 1 loaded and within limits, 0 not, -1 not permitted. */
static int load(const char* path, const char* name, const char* settings, const struct limits* limits) {
  char label[600];
  snprintf(label, sizeof(label), "%s%s%s", name, *settings ? " " : "", settings);
  memset(logs, 0, sizeof(logs));
  struct bpf_object* object = open_with(path, settings, 4);
  int err = object ? bpf_object__load(object) : -errno;
  bool good = false;
  if (!err) {
    good = report(object, label, limits);
  } else {
    printf("FAIL %-44s %s\n", label, strerror(-err));
    fflush(stdout);
    if (object && err != -EPERM) explain(path, settings);
  }
  bpf_object__close(object);
  return err == -EPERM ? -1 : good;
}

/* "dir/l2fwd.bpf.o" -> "l2fwd" */
static void base_name(const char* path, char* name, size_t size) {
  const char* slash = strrchr(path, '/');
  snprintf(name, size, "%s", slash ? slash + 1 : path);
  char* suffix = strstr(name, ".bpf.o");
  if (suffix) *suffix = 0;
}

/* All variants of one object. */
static int load_all(const char* path, const char* variants, const struct limits* limits) {
  char name[128], line[1024];
  int result = 1, loaded = 0;
  base_name(path, name, sizeof(name));
  FILE* file = variants ? fopen(variants, "r") : NULL;
  if (variants && !file) {
    fprintf(stderr, "bpf_load: %s: %s\n", variants, strerror(errno));
    exit(2);
  }
  while (file && fgets(line, sizeof(line), file)) {
    const size_t len = strcspn(line, " \t\n#");
    if (len != strlen(name) || strncmp(line, name, len)) continue;
    char* settings = line + len + strspn(line + len, " \t");
    settings[strcspn(settings, "\n#")] = 0;
    const int one = load(path, name, settings, limits);
    if (one < result) result = one;
    ++loaded;
  }
  if (file) fclose(file);
  return loaded ? result : load(path, name, "", limits);
}

static int usage(void) {
  fprintf(stderr, "usage: bpf_load [--max-insns N] [--max-stack N] [--variants FILE] OBJECT.bpf.o ...\n");
  return 2;
}

int main(int argc, char** argv) {
  struct limits limits = {0, 0};
  const char* variants = NULL;
  int i = 1, result = 1;
  for (; i < argc && argv[i][0] == '-'; i += 2) {
    if (i + 1 >= argc) return usage();
    if (!strcmp(argv[i], "--max-insns"))
      limits.insns = strtoul(argv[i + 1], NULL, 10);
    else if (!strcmp(argv[i], "--max-stack"))
      limits.stack = strtoul(argv[i + 1], NULL, 10);
    else if (!strcmp(argv[i], "--variants"))
      variants = argv[i + 1];
    else
      return usage();
  }
  if (i == argc) return usage();
  libbpf_set_print(print);
  for (; i < argc; ++i) {
    const int one = load_all(argv[i], variants, &limits);
    if (one < result) result = one;
  }
  if (result < 0) {
    const char* ci = getenv("CI");
    fprintf(stderr, "bpf_load: SKIPPED: loading programs needs root, or CAP_BPF and CAP_NET_ADMIN\n");
    return ci && !strcmp(ci, "true") ? 1 : 77;
  }
  return result ? 0 : 1;
}
