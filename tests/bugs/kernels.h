/// \file
/// Small programs with a known concurrency bug, each beside its nearest correct twin: the 24
/// kernels of the regression suite, one in each file of `goker/`. What tasks of a kernel share is
/// owned by all of them, since a body may return before they do.
///
/// Source: the bugs of GoBench's GoKer (Yuan et al., "GoBench: a benchmark suite of real-world Go
/// concurrency bugs", CGO 2021), told again in this library's terms.
#pragma once

#include <string>
#include <vector>

#include "chantrace/finding.h"

namespace chantrace::bugs {

enum class Variant { kFaulty, kFixed };

/// What the bug is about, in GoBench's terms.
enum class KernelClass { kResource, kCommunication, kMixed, kNonBlocking };

struct Kernel {
  std::string name;
  KernelClass group;
  /// Every schedule shows the bug; otherwise only some do.
  bool shows_always;
  /// What it may be found as.
  std::vector<FindingKind> kinds;
  void (*run)(Variant);

  void faulty() const { run(Variant::kFaulty); }
  void fixed() const { run(Variant::kFixed); }
};

const std::vector<Kernel>& kernels();

// Locks.
void cockroach_584(Variant variant);
void etcd_5509(Variant variant);
void cockroach_7504(Variant variant);
void moby_4951(Variant variant);
void kubernetes_62464(Variant variant);
void cockroach_6181(Variant variant);
// Channels, contexts and condition variables.
void moby_4395(Variant variant);
void kubernetes_5316(Variant variant);
void etcd_6857(Variant variant);
void grpc_660(Variant variant);
void cockroach_2448(Variant variant);
void cockroach_13755(Variant variant);
void cockroach_10790(Variant variant);
void moby_33781(Variant variant);
void moby_29733(Variant variant);
void kubernetes_11298(Variant variant);
void kubernetes_38669(Variant variant);
// Channels under locks, wait groups, misuse.
void grpc_1460(Variant variant);
void kubernetes_10182(Variant variant);
void moby_28462(Variant variant);
void cockroach_1055(Variant variant);
void moby_25384(Variant variant);
void grpc_1687(Variant variant);
void kubernetes_13058(Variant variant);

}  // namespace chantrace::bugs
