/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The few kernel fields that tell whose device it is: an ifindex repeats in every namespace. Found
 * by CO-RE, so that no vmlinux.h of the build machine is needed.
 */
#ifndef RW_BPF_NETDEV_H
#define RW_BPF_NETDEV_H

struct ns_common {
	unsigned int inum;
} __attribute__((preserve_access_index));

struct net {
	struct ns_common ns;
} __attribute__((preserve_access_index));

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	int ifindex;
	possible_net_t nd_net;
} __attribute__((preserve_access_index));

#endif
