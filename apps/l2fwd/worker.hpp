// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <cstdint>
#include <memory>
#include <ringway/forwarder.hpp>
#include <ringway/nf/l2.hpp>
#include <vector>

namespace ringway::l2fwd {

/// Workers that know their mode and their batch at compile time. Each mode is instantiated in a file of its
/// own, worker_MODE.cpp, so that its loop can be looked at.
template <rw_l2_mode Mode>
std::unique_ptr<forwarder_base> make_forwarder(const forwarder_config& config, std::uint32_t batch,
                                               const std::vector<rw_l2>& rules) {
  const auto make = [rules](unsigned) { return nf::l2_mode<Mode>(rules); };
  if (batch == 64) return std::make_unique<forwarder<nf::l2_mode<Mode>, 64>>(config, make);
  return std::make_unique<forwarder<nf::l2_mode<Mode>, 256>>(config, make);
}

extern template std::unique_ptr<forwarder_base> make_forwarder<RW_L2_IO>(const forwarder_config&,
                                                                         std::uint32_t,
                                                                         const std::vector<rw_l2>&);
extern template std::unique_ptr<forwarder_base> make_forwarder<RW_L2_MAC>(const forwarder_config&,
                                                                          std::uint32_t,
                                                                          const std::vector<rw_l2>&);
extern template std::unique_ptr<forwarder_base> make_forwarder<RW_L2_MACSWAP>(const forwarder_config&,
                                                                              std::uint32_t,
                                                                              const std::vector<rw_l2>&);
extern template std::unique_ptr<forwarder_base> make_forwarder<RW_L2_L2FWD>(const forwarder_config&,
                                                                            std::uint32_t,
                                                                            const std::vector<rw_l2>&);
extern template std::unique_ptr<forwarder_base> make_forwarder<RW_L2_RXONLY>(const forwarder_config&,
                                                                             std::uint32_t,
                                                                             const std::vector<rw_l2>&);

}  // namespace ringway::l2fwd
