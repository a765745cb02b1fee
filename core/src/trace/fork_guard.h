/// \file
/// Keeps a forked child from writing into its parent's trace.
#pragma once

namespace chantrace::detail {

/// Something that a child process must let go of.
class ForkAware {
 public:
  /// In the parent's forking thread, before the fork: takes the locks, so that both sides see whole
  /// state.
  virtual void before_fork() = 0;
  /// In the parent, afterwards: gives them back.
  virtual void after_fork_in_parent() = 0;
  /// In the child, before anything else runs there: lets go of what is the parent's, gives them
  /// back.
  virtual void after_fork_in_child() = 0;

 protected:
  ~ForkAware() = default;
};

/// Makes the handlers known to the system, if they are not yet. Those of `pthread_atfork` that are
/// registered later take their locks before these do.
void register_fork_handlers();

/// Calls `object` around each `fork` of this process while this lives.
///
/// Threads: any thread.
class ForkRegistration {
 public:
  explicit ForkRegistration(ForkAware& object);
  ~ForkRegistration();
  ForkRegistration(const ForkRegistration&) = delete;
  ForkRegistration& operator=(const ForkRegistration&) = delete;

 private:
  ForkAware& object_;
};

}  // namespace chantrace::detail
