#include "bugs/kernels.h"

namespace chantrace::bugs {

const std::vector<Kernel>& kernels() {
  using enum FindingKind;
  const auto resource = KernelClass::kResource;
  const auto communication = KernelClass::kCommunication;
  const auto mixed = KernelClass::kMixed;
  const auto non_blocking = KernelClass::kNonBlocking;
  // A task that waits for what it holds itself is a cycle of one.
  const std::vector<FindingKind> locks = {kDeadlock, kLeaked, kBlocked, kMutexHeld};
  const std::vector<FindingKind> waits = {kLeaked, kBlocked, kDeadlock, kLostSignal};
  static const std::vector<Kernel> all = {
      {"cockroach_584", resource, true, locks, cockroach_584},
      {"etcd_5509", resource, false, locks, etcd_5509},
      {"cockroach_7504", resource, false, locks, cockroach_7504},
      {"moby_4951", resource, false, locks, moby_4951},
      {"kubernetes_62464", resource, false, locks, kubernetes_62464},
      {"cockroach_6181", resource, false, locks, cockroach_6181},
      {"moby_4395", communication, true, {kLeaked}, moby_4395},
      {"kubernetes_5316", communication, true, {kLeaked}, kubernetes_5316},
      {"etcd_6857", communication, false, waits, etcd_6857},
      {"grpc_660", communication, false, waits, grpc_660},
      {"cockroach_2448", communication, false, waits, cockroach_2448},
      {"cockroach_13755", communication, true, {kLeaked}, cockroach_13755},
      {"cockroach_10790", communication, false, waits, cockroach_10790},
      {"moby_33781", communication, false, waits, moby_33781},
      {"moby_29733", communication, true, {kBlocked, kDeadlock}, moby_29733},
      {"kubernetes_11298", communication, false, waits, kubernetes_11298},
      {"grpc_1460", mixed, false, waits, grpc_1460},
      {"kubernetes_10182", mixed, false, waits, kubernetes_10182},
      {"moby_28462", mixed, false, waits, moby_28462},
      {"cockroach_1055", mixed, false, waits, cockroach_1055},
      {"moby_25384", mixed, true, {kLeaked}, moby_25384},
      {"grpc_1687", non_blocking, false, {kSendOnClosed}, grpc_1687},
      {"kubernetes_13058", non_blocking, false, {kNegativeWaitGroup, kBlocked}, kubernetes_13058},
      {"kubernetes_38669", communication, true, {kLeaked}, kubernetes_38669},
  };
  return all;
}

}  // namespace chantrace::bugs
