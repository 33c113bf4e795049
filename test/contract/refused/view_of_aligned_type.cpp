// SPDX-License-Identifier: BSD-2-Clause
// view<> reads headers where they lie, at any address: a type with an alignment would be undefined behaviour.
// refused: constraints? not satisfied|no matching function|static assertion
#include <cstdint>
#include <ringway/view.hpp>

#ifdef FAULT
struct header {
#else
struct [[gnu::packed, gnu::may_alias]] header {
#endif
  std::uint32_t a;
  std::uint16_t b;
};

bool has_header(const ringway::packet& p) { return ringway::view<header>(p, 14) != nullptr; }
