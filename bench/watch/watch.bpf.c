/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * How long something foreign kept a thread of a device under test off its CPU, at one stretch.
 *
 * A stretch begins when a thread is switched out while it could go on, or is woken while its CPU is
 * taken, and ends when it is back. Of it counts the time that foreign tasks had: not ksoftirqd, a
 * NAPI thread or another thread of the device, for its own traffic made that work. The idle task
 * counts: a runnable thread next to an idle CPU is throttled. A thread that sleeps, or is stopped
 * by a signal, is not kept from anything.
 *
 * Every CPU has a clock that runs only while something foreign runs there. A stretch is the
 * difference of two readings, so a switch costs the same however many threads wait.
 */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include "watch.h"

#define RW_PF_KTHREAD 0x00200000

/* Found by CO-RE, so that no vmlinux.h of the build machine is needed. */
struct thread_info {
	__u32 cpu;
} __attribute__((preserve_access_index));

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	int pid, tgid;
	char comm[RW_WATCH_COMM];
} __attribute__((preserve_access_index));

struct rw_watch_cpu cpus[RW_WATCH_CPUS];
__u32 epoch; /* counts the resets */
__u64 reset_at;
__u64 untracked; /* threads for which there was no room */

/* Processes of the device, and kernel threads that work for it: their tgid is their pid. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RW_WATCH_PROCESSES);
	__type(key, __u32);
	__type(value, __u32);
} processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, RW_WATCH_THREADS);
	__type(key, __u32);
	__type(value, struct rw_watch_thread);
} threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, RW_WATCH_SYSCALLS);
	__type(key, __u32);
	__type(value, __u64);
} syscalls SEC(".maps");

static __always_inline struct rw_watch_cpu *rw_cpu(__u32 number)
{
	return &cpus[number & (RW_WATCH_CPUS - 1)];
}

/* What its CPU has given away of a thread's time. */
static __always_inline __u64 rw_taken(const struct rw_watch_thread *t, __u32 cpu, __u64 now)
{
	const struct rw_watch_cpu *c = rw_cpu(cpu);
	__u64 since = c->since, running = now > since ? now - since : 0;
	__u64 taken = c->foreign_ns + (c->who == RW_WATCH_FOREIGN ? running : 0);

	if (!t->woken)
		taken += c->idle_ns + (c->who == RW_WATCH_IDLE ? running : 0);
	return taken;
}

/* The thread, if it is of the device. */
static __always_inline struct rw_watch_thread *rw_thread(__u32 pid, __u32 tgid)
{
	struct rw_watch_thread *t;

	if (!bpf_map_lookup_elem(&processes, &tgid))
		return 0;
	t = bpf_map_lookup_elem(&threads, &pid);
	if (!t) {
		struct rw_watch_thread fresh = {.tgid = tgid};

		if (bpf_map_update_elem(&threads, &pid, &fresh, BPF_NOEXIST))
			__sync_fetch_and_add(&untracked, 1);
		t = bpf_map_lookup_elem(&threads, &pid);
	}
	return t;
}

/* A kernel thread that the device's own traffic keeps busy. Any process may take such a name. */
static __always_inline bool rw_serves_traffic(struct task_struct *task)
{
	char comm[RW_WATCH_COMM] = {};

	if (!(task->flags & RW_PF_KTHREAD))
		return false;
	bpf_probe_read_kernel(comm, sizeof(comm), &task->comm);
	if (comm[0] == 'n')
		return comm[1] == 'a' && comm[2] == 'p' && comm[3] == 'i' && comm[4] == '/';
	return comm[0] == 'k' && comm[1] == 's' && comm[2] == 'o' && comm[3] == 'f' &&
	       comm[4] == 't' && comm[5] == 'i' && comm[6] == 'r' && comm[7] == 'q' &&
	       comm[8] == 'd' && comm[9] == '/';
}

/* Who ran here until now, if it was foreign or nobody, goes. */
static __always_inline void rw_leave(struct rw_watch_cpu *c, struct task_struct *prev, __u64 now)
{
	__u64 ran = now - c->since;

	if (c->who == RW_WATCH_OWN)
		return;
	if (c->who == RW_WATCH_FOREIGN)
		c->foreign_ns += ran;
	else
		c->idle_ns += ran;
	if (ran <= c->most_ns)
		return;
	c->most_ns = ran;
	c->most_pid = c->pid;
	/* not the name that it came with: it may have called exec() meanwhile */
	bpf_probe_read_kernel(c->most_comm, sizeof(c->most_comm), &prev->comm);
}

static __always_inline void rw_wait(struct rw_watch_thread *t, __u32 cpu, __u64 now, bool woken)
{
	t->cpu = cpu;
	t->since = now;
	t->woken = woken;
	t->base = rw_taken(t, cpu, now);
	t->before = 0;
	t->state = RW_WATCH_WAITING;
}

/* It is back. Of a stretch that began before the last reset counts what came after it. */
static __always_inline void rw_back(struct rw_watch_thread *t, struct rw_watch_cpu *c, __u64 now)
{
	__u64 begin = t->since > reset_at ? t->since : reset_at;
	__u64 whole = now > begin ? now - begin : 0;
	__u64 foreign = t->before + rw_taken(t, t->cpu, now) - t->base;

	if (foreign > whole)
		foreign = whole;
	if (t->epoch != epoch) {
		t->epoch = epoch;
		t->stretches = t->sum_ns = t->own_ns = t->longest_ns = t->longest_at = 0;
	}
	t->own_ns += whole - foreign;
	if (!foreign)
		return;
	t->stretches++;
	t->sum_ns += foreign;
	if (foreign <= t->longest_ns)
		return;
	t->longest_ns = foreign;
	t->longest_at = now;
	t->longest_by = c->most_pid;
	__builtin_memcpy(t->longest_comm, c->most_comm, RW_WATCH_COMM);
}

/* Arguments: preempted in the kernel, who leaves, who comes, the state of who leaves. A return to
 * user mode switches with the state 0, as a sched_yield() does: both could go on. */
SEC("tp_btf/sched_switch")
int rw_switch(__u64 *ctx)
{
	bool preempt = ctx[0];
	struct task_struct *prev = (struct task_struct *)ctx[1];
	struct task_struct *next = (struct task_struct *)ctx[2];
	unsigned int prev_state = ctx[3];
	__u32 number = bpf_get_smp_processor_id();
	struct rw_watch_cpu *c = rw_cpu(number);
	struct rw_watch_thread *in = rw_thread(next->pid, next->tgid);
	struct rw_watch_thread *out = rw_thread(prev->pid, prev->tgid);
	__u64 now = bpf_ktime_get_ns();

	rw_leave(c, prev, now);
	c->since = now;
	c->who = RW_WATCH_OWN;
	if (in) {
		if (in->state == RW_WATCH_WAITING)
			rw_back(in, c, now);
		in->state = RW_WATCH_ON;
		c->most_ns = 0;
	} else if (!next->pid || !rw_serves_traffic(next)) {
		c->who = next->pid ? RW_WATCH_FOREIGN : RW_WATCH_IDLE;
		c->pid = next->pid;
		bpf_probe_read_kernel(c->comm, sizeof(c->comm), &next->comm);
	}
	if (out && (preempt || prev_state == 0))
		rw_wait(out, number, now, false);
	else if (out)
		out->state = RW_WATCH_ASLEEP;
	return 0;
}

/* Argument: who is woken. */
SEC("tp_btf/sched_wakeup")
int rw_wakeup(__u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];
	struct rw_watch_thread *t = rw_thread(task->pid, task->tgid);

	if (t && t->state == RW_WATCH_ASLEEP)
		rw_wait(t, task->thread_info.cpu, bpf_ktime_get_ns(), true);
	return 0;
}

/* It goes on waiting, for another CPU. Arguments: who, the CPU. */
SEC("tp_btf/sched_migrate_task")
int rw_migrate(__u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];
	__u32 to = ctx[1];
	struct rw_watch_thread *t = rw_thread(task->pid, task->tgid);
	__u64 now = bpf_ktime_get_ns();

	if (!t || t->state != RW_WATCH_WAITING)
		return 0;
	t->before += rw_taken(t, t->cpu, now) - t->base;
	t->cpu = to;
	t->base = rw_taken(t, to, now);
	return 0;
}

/* Only on demand: it makes every system call of the machine dearer. Arguments: registers, number.
 */
SEC("raw_tracepoint/sys_enter")
int rw_sys_enter(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32, number = ctx->args[1];
	__u64 *count;

	if (!bpf_map_lookup_elem(&processes, &tgid))
		return 0;
	if (number >= RW_WATCH_SYSCALLS)
		number = RW_WATCH_SYSCALLS - 1;
	count = bpf_map_lookup_elem(&syscalls, &number);
	if (count)
		++*count;
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
