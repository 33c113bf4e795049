// SPDX-License-Identifier: BSD-2-Clause
// What ethtool(8) asks, for an interface of the calling thread's namespace. Private to lib/.
#pragma once
#include <optional>
#include <ringway/interface.hpp>
#include <string>

namespace ringway {

struct channel_counts {
  unsigned rx, tx;  // in use; those that do both are in each
};
/// Empty: the driver does not know the question.
std::optional<channel_counts> ethtool_channels(const std::string& ifname);
std::string ethtool_driver(const std::string& ifname);
interface::offloads ethtool_offloads(const std::string& ifname);

/// The sum of a driver's own statistics (ethtool -S) whose names begin and end so; empty: it has none such.
std::optional<std::uint64_t> ethtool_statistics(const std::string& ifname, const std::string& prefix,
                                                const std::string& suffix);

/// Queues under /sys/class/net/IF/queues whose names begin with `prefix`. /sys shows the namespace of whoever
/// mounted it: 0 when the interface that stands there is not this one.
unsigned sysfs_queues(const std::string& ifname, unsigned index, const char* prefix);

}  // namespace ringway
