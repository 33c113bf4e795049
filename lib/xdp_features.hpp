// SPDX-License-Identifier: BSD-2-Clause
#pragma once
#include <optional>
#include <ringway/interface.hpp>

namespace ringway {

/// Whether redirected frames are accepted by an interface right now (its ndo_xdp_xmit). Many drivers have it
/// only while they carry a program; a veth while its peer carries one or has turned GRO on, and not always
/// then: a peer that turned GRO on while it was down, after we had come up, does not count (6.18). Empty: the
/// kernel cannot say (before 6.3).
std::optional<bool> accepts_redirects(const interface& where);

}  // namespace ringway
