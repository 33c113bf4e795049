// SPDX-License-Identifier: BSD-2-Clause
#include "datapaths.hpp"

#include <ringway/error.hpp>

#include "worker.hpp"

namespace ringway::l2fwd {
namespace {

std::unique_ptr<forwarder_base> open_workers(const options& o, const std::vector<rw_l2>& rules) {
  const forwarder_config config = app::library_config(o.common);
  switch (o.mode) {
    case RW_L2_IO:
      return make_forwarder<RW_L2_IO>(config, o.common.batch, rules);
    case RW_L2_MAC:
      return make_forwarder<RW_L2_MAC>(config, o.common.batch, rules);
    case RW_L2_MACSWAP:
      return make_forwarder<RW_L2_MACSWAP>(config, o.common.batch, rules);
    case RW_L2_L2FWD:
      return make_forwarder<RW_L2_L2FWD>(config, o.common.batch, rules);
    case RW_L2_RXONLY:
      return make_forwarder<RW_L2_RXONLY>(config, o.common.batch, rules);
    case RW_L2_MODES:
      break;
  }
  throw usage_error("mode {} is unknown", static_cast<int>(o.mode));
}

}  // namespace

std::unique_ptr<app::forwarding> open_datapath(const options& o, const std::vector<interface>& ports) {
  std::vector<mac_address> own;
  own.reserve(ports.size());
  for (const interface& p : ports) own.push_back(p.mac());
  const std::vector<rw_l2> rules = rules_of(o, own);
  if (o.common.way == datapath::xdp) return app::in_kernel(load_programs(o, ports, rules));
  return app::over_afxdp(open_workers(o, rules));
}

}  // namespace ringway::l2fwd
