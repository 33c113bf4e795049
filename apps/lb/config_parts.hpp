// SPDX-License-Identifier: BSD-2-Clause
// What reading and printing a configuration share.
#pragma once
#include "config_reader.hpp"
#include "model.hpp"

namespace ringway::lb_app {

/// How reals are reached, from what is said for all to what is said for one.
struct real_way {
  lb_destination to;
  ip_address source4, source6;
};

extern const std::vector<std::pair<std::string, rw_lb_method>> method_words;
extern const std::vector<std::pair<std::string, std::uint8_t>> ttl_words, df_words, sum_words;
extern const std::vector<std::pair<std::string, announce_mode>> announce_words;
extern const std::vector<std::pair<std::string, all_failed_policy>> all_failed_words;

/// "ADDRESS:PORT/PROTOCOL".
std::string standard_name(const lb_vip& vip);
/// A [[vip]] with all that is in it.
vip_entry read_vip(config_reader& in, real_way way);

}  // namespace ringway::lb_app
