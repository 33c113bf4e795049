/* SPDX-License-Identifier: BSD-2-Clause
 *
 * UAPI that is newer than the headers of Debian 12 (Linux 6.1). Whether the kernel has it is found out at run
 * time, by doing. Include it after the kernel's headers. What the kernel defines as an enumerator is here
 * under a name of our own: a macro of the kernel's name would break its header where that comes later.
 */
#ifndef RW_XDP_COMPAT_H
#define RW_XDP_COMPAT_H

#include <linux/bpf.h>
#include <linux/if_xdp.h>
#include <sys/socket.h>

/* Multi-buffer AF_XDP, Linux 6.6 */
#ifndef XDP_USE_SG
#define XDP_USE_SG (1 << 4)
#endif
#ifndef XDP_PKT_CONTD
#define XDP_PKT_CONTD (1 << 0) /* in xdp_desc.options: the packet goes on in the next descriptor */
#endif

/* Packets that one sendto() of copy mode sends at most; from 32 to the TX ring's size. Linux 6.17 */
#ifndef XDP_MAX_TX_SKB_BUDGET
#define XDP_MAX_TX_SKB_BUDGET 9
#endif

/* TX metadata, Linux 6.8 */
#ifndef XDP_UMEM_TX_SW_CSUM
#define XDP_UMEM_TX_SW_CSUM (1 << 1)
#endif
#ifndef XDP_UMEM_TX_METADATA_LEN
#define XDP_UMEM_TX_METADATA_LEN (1 << 2)
#endif
#ifndef XDP_TX_METADATA
#define XDP_TX_METADATA (1 << 1) /* in xdp_desc.options: metadata stands before the data */
#endif
#ifndef XDP_TXMD_FLAGS_TIMESTAMP
#define XDP_TXMD_FLAGS_TIMESTAMP (1 << 0)
#endif
#ifndef XDP_TXMD_FLAGS_CHECKSUM
#define XDP_TXMD_FLAGS_CHECKSUM (1 << 1)
#endif

/* xdp_umem_reg as it is since Linux 6.8. Older kernels read as much of it as they know. */
struct rw_xdp_umem_reg {
  __u64 addr, len;
  __u32 chunk_size, headroom, flags, tx_metadata_len;
};

/* Busy polling, Linux 5.11 */
#ifndef SO_PREFER_BUSY_POLL
#define SO_PREFER_BUSY_POLL 69
#endif
#ifndef SO_BUSY_POLL_BUDGET
#define SO_BUSY_POLL_BUDGET 70
#endif

/* Program loaded with support for packets in fragments, Linux 5.18 */
#ifndef BPF_F_XDP_HAS_FRAGS
#define BPF_F_XDP_HAS_FRAGS (1U << 5)
#endif

/* tc programs by a bpf_link, Linux 6.6; enum bpf_attach_type */
#define RW_BPF_TCX_INGRESS 46
#define RW_BPF_TCX_EGRESS 47

/* Generic netlink family "netdev", Linux 6.3: linux/netdev.h */
#define RW_NETDEV_CMD_DEV_GET 1
#define RW_NETDEV_A_DEV_IFINDEX 1
#define RW_NETDEV_A_DEV_XDP_FEATURES 3
#define RW_NETDEV_XDP_ACT_NDO_XMIT 4

#endif
