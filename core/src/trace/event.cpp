#include "chantrace/event.h"

namespace chantrace {

std::string_view to_string(Operation operation) {
  switch (operation) {
    case Operation::kNone:
      return "none";
    case Operation::kChannelMake:
      return "make";
    case Operation::kChannelRegister:
      return "register";
    case Operation::kSend:
      return "send";
    case Operation::kReceive:
      return "recv";
    case Operation::kClose:
      return "close";
    case Operation::kRange:
      return "range";
    case Operation::kSelect:
      return "select";
    case Operation::kSelectCase:
      return "case";
    case Operation::kTaskSpawn:
      return "go";
    case Operation::kTaskBegin:
      return "begin";
    case Operation::kTaskEnd:
      return "end";
    case Operation::kTaskJoin:
      return "join";
    case Operation::kSleep:
      return "sleep";
    case Operation::kYield:
      return "yield";
    case Operation::kLock:
      return "lock";
    case Operation::kUnlock:
      return "unlock";
    case Operation::kLockShared:
      return "lock_shared";
    case Operation::kUnlockShared:
      return "unlock_shared";
    case Operation::kConditionWait:
      return "wait";
    case Operation::kConditionNotifyOne:
      return "notify_one";
    case Operation::kConditionNotifyAll:
      return "notify_all";
    case Operation::kWaitGroupAdd:
      return "add";
    case Operation::kWaitGroupWait:
      return "wait";
    case Operation::kOnceCall:
      return "call";
    case Operation::kOnceEnd:
      return "end";
    case Operation::kSemaphoreAcquire:
      return "acquire";
    case Operation::kSemaphoreRelease:
      return "release";
    case Operation::kTimerStart:
      return "start";
    case Operation::kTimerStop:
      return "stop";
    case Operation::kTimerFire:
      return "fire";
    case Operation::kContextMake:
      return "make";
    case Operation::kContextCancel:
      return "cancel";
    case Operation::kLoad:
      return "load";
    case Operation::kStore:
      return "store";
    case Operation::kReadModifyWrite:
      return "update";
    case Operation::kChoose:
      return "choose";
    case Operation::kLook:
      return "look";
    case Operation::kStack:
      return "stack";
  }
  return "unknown";
}

std::string_view to_string(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kNone:
      return "object";
    case ObjectKind::kChannel:
      return "channel";
    case ObjectKind::kMutex:
      return "mutex";
    case ObjectKind::kSharedMutex:
      return "shared mutex";
    case ObjectKind::kConditionVariable:
      return "condition variable";
    case ObjectKind::kWaitGroup:
      return "wait group";
    case ObjectKind::kOnce:
      return "once";
    case ObjectKind::kSemaphore:
      return "semaphore";
    case ObjectKind::kContext:
      return "context";
    case ObjectKind::kTimer:
      return "timer";
    case ObjectKind::kTicker:
      return "ticker";
    case ObjectKind::kShared:
      return "shared variable";
    case ObjectKind::kAtomic:
      return "atomic";
  }
  return "unknown";
}

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk:
      return "ok";
    case Outcome::kClosed:
      return "closed";
    case Outcome::kNotReady:
      return "not ready";
    case Outcome::kTimedOut:
      return "timed out";
    case Outcome::kMisuse:
      return "misuse";
    case Outcome::kCancelled:
      return "cancelled";
    case Outcome::kException:
      return "exception";
    case Outcome::kDefault:
      return "default";
    case Outcome::kForeign:
      return "foreign";
  }
  return "unknown";
}

}  // namespace chantrace
