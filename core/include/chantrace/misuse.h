/// \file
/// What is thrown when a rule of an operation is broken. It unwinds the task that broke it, and
/// only that task, and becomes a finding. Caught, it becomes a note.
#pragma once

#include <stdexcept>
#include <string>

namespace chantrace {

/// A call that broke a rule. Its text names the object and the place.
class MisuseError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// Send on a closed channel, or close of one.
class ChannelClosed final : public MisuseError {
 public:
  using MisuseError::MisuseError;
};

/// Close of a nil channel.
class ChannelNil final : public MisuseError {
 public:
  using MisuseError::MisuseError;
};

/// A wait group's count below zero.
class NegativeWaitGroup final : public MisuseError {
 public:
  using MisuseError::MisuseError;
};

/// Unlock of what is not locked.
class NotLocked final : public MisuseError {
 public:
  using MisuseError::MisuseError;
};

/// A semaphore's permits below zero, or more than fit.
class BadPermits final : public MisuseError {
 public:
  using MisuseError::MisuseError;
};

}  // namespace chantrace
