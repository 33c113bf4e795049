// SPDX-License-Identifier: BSD-2-Clause
// What the skeletons of both datapaths have in common.
#pragma once
#include <bpf/libbpf.h>

#include <cerrno>
#include <ringway/error.hpp>
#include <ringway/interface.hpp>
#include <ringway/lb_store.hpp>

namespace ringway::lb_app {

/// Gives an object that is not loaded yet the store's maps, as far as it has them.
inline void share_tables(bpf_object* object, const lb_store& store) {
  for (const lb_store::shared_map& m : store.maps()) {
    bpf_map* map = bpf_object__find_map_by_name(object, m.name);
    if (map == nullptr) continue;
    if (const int e = bpf_map__reuse_fd(map, m.fd); e != 0) throw error(e, "share the map {}", m.name);
  }
}

inline void check_loaded(int e, const char* what, const interface& where) {
  if (e == -EPERM)
    throw error(e, "load {} of {} (run as root, or with CAP_BPF and CAP_NET_ADMIN)", what, where.name());
  if (e != 0) throw error(e, "load {} of {} (-vv shows what the verifier says)", what, where.name());
}

}  // namespace ringway::lb_app
