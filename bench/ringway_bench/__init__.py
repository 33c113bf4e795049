# SPDX-License-Identifier: BSD-2-Clause
"""ringway-bench: devices under test on a wire, the searches of the standards, and the truth about what came out."""
