/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Every header of the core in one file, and its functions in use: compiled as C11 with
 * -Wc++-compat, as C++20 by g++ and clang++ with -Wpedantic, and for BPF.
 */
#include <ringway/core/csum.h>
#include <ringway/core/decap.h>
#include <ringway/core/l2.h>
#include <ringway/core/lb.h>
#include <ringway/core/maglev.h>
#include <ringway/core/parse.h>
#include <ringway/core/sync.h>

int core_all(void* data, void* data_end, const struct rw_l2* l2, __u32* word);
int core_all(void* data, void* data_end, const struct rw_l2* l2, __u32* word) {
  struct rw_parsed parsed;
  __u64 sum = rw_csum_pseudo4(1, 2, RW_IP_UDP, 8) + rw_csum_pseudo6(data, data, RW_IP_TCP, 8);
  __sum16 check = rw_csum_finish_udp(sum);

  if (rw_parse(&parsed, data, data_end, 60) != RW_PARSE_OK) return -1;
  check = rw_csum_ttl_down(rw_csum_replace16(check, 1, 2));
  check = rw_csum_replace32(check, 1, 2);
  check = rw_csum_udp(check, rw_csum_replace128(check, data, data));
  RW_WRITE_ONCE(word, RW_READ_ONCE(word) + rw_reason_slot(check));
  RW_PUBLISH(word, 1);
  RW_RMB();
  if (RW_CAS(word, 1, 2)) return rw_csum_bytes(&sum, data, data_end, 20);
  return rw_l2_process(l2, data, data_end);
}
