// SPDX-License-Identifier: BSD-2-Clause
// What is not trivially copyable is no part of a packet, whatever its alignment.
// refused: constraints? not satisfied|no matching function|static assertion
#include <ringway/view.hpp>

struct header {
#ifdef FAULT
  header(const header& other) : a(other.a) {}
#endif
  unsigned char a;
};

bool has_header(const ringway::packet& p) { return ringway::view<header>(p, 14) != nullptr; }
