@0xd1f3a6c0b7e94521;
# The trace of one run of a program that uses chantrace.
#
# A file is a sequence of messages in Cap'n Proto's standard stream framing, each with a `Message` at
# its root: a header first; then chunks and definitions in any order; an end last. A file without an
# end was cut off, and is readable up to there.
#
# Version rule: fields are added, never removed or renumbered, and keep their meaning. A reader that
# meets a union member, an enum value or a field that it does not know skips it. When an old reader
# would misread a new file, `Header.formatVersion` is raised, and such a reader refuses the file.
#
# Ids: tasks, objects, sites, texts and stacks are numbered from 1; 0 means none. A definition may
# stand after its first use, but stands in the same file.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("chantrace::schema");

struct Message {
  union {
    header @0 :Header;
    chunk @1 :Chunk;
    definitions @2 :Definitions;
    end @3 :End;
    compactChunk @4 :CompactChunk;
  }
}

struct Header {
  formatVersion @0 :UInt32;    # Raised when an old reader would misread the file. Now 1.
  program @1 :Text;            # Path of the executable.
  arguments @2 :List(Text);    # Its command line, without the program.
  test @3 :Text;               # "Suite.Name" as GoogleTest says it; empty outside tests.
  buildId @4 :Text;            # GNU build id of the executable, hexadecimal; may be empty.
  processId @5 :UInt64;
  startedUnixNs @6 :UInt64;    # Wall clock at the start, nanoseconds since 1970-01-01 UTC.
  startedTicks @7 :UInt64;     # What `Event.time` was at that moment.
  ticksPerSecond @8 :UInt64;   # Unit of `Event.time`. `End` may know it better.
  isControlled @9 :Bool;       # One task ran at a time: `Event.time` is the step, and orders events.
  hasValues @10 :Bool;         # Values were recorded.
  options @11 :List(Option);   # What the recorder was told, for a person to read.
  library @12 :Text;           # Version of the library that wrote this.
}

struct Option {
  name @0 :Text;
  value @1 :Text;
}

struct Event {
  # 32 bytes, no pointers: a recorder's buffer of them is a list on the wire.
  # Meanings by operation: core/include/chantrace/event.h.
  time @0 :UInt64;       # Ticks. For display; order comes from `sequence`.
  value @1 :UInt64;      # Raw bits of a value, or a text's id, or what the operation says.
  object @2 :UInt32;     # The object, or for operations on tasks the task.
  sequence @3 :UInt32;   # Counts the events of `object`, from 1, as they took effect. 0: no object.
  site @4 :UInt32;
  operation @5 :UInt8;
  flags @6 :UInt8;       # Bits 0-1 phase, 2-5 outcome, 6 has a value, 7 the value is a text's id.
  detail @7 :UInt16;     # Channels: values in the buffer afterwards. Selects: the case taken, and
                         # 0x8000 if it is a send; 0xffff: none. Locks: 1 if it was only tried.
}

struct Chunk {
  # Consecutive events of one task, written in place while it runs.
  task @0 :UInt32;
  count @1 :UInt32;       # How many of `events` are valid. The rest of the list is unused room.
  firstIndex @2 :UInt64;  # Number of the first one among the task's events, from 0, lost ones included.
  lostBefore @3 :UInt64;  # Events of the task lost just before this chunk.
  events @4 :List(Event);
}

struct CompactChunk {
  # The same as a `Chunk`, smaller. docs/trace_format.md describes the bytes of `data`.
  task @0 :UInt32;
  count @1 :UInt32;
  firstIndex @2 :UInt64;
  lostBefore @3 :UInt64;
  encoding @4 :UInt8;     # 1: control byte and varint deltas. 2: the same, compressed by zstd.
  rawBytes @5 :UInt32;    # Size of the deltas before compression.
  data @6 :Data;
}

struct Definitions {
  tasks @0 :List(Task);
  objects @1 :List(Object);
  sites @2 :List(Site);
  texts @3 :List(TextValue);
  stacks @4 :List(Stack);
  modules @5 :List(Module);

  struct Task {
    id @0 :UInt32;
    parent @1 :UInt32;
    label @2 :Text;
    site @3 :UInt32;       # Where it was started.
    isHost @4 :Bool;       # A thread of the host.
    isBody @5 :Bool;       # Runs the test's body.
    osThread @6 :UInt64;   # The kernel's id of its thread.
    isOlder @7 :Bool;      # Started before this recording: no leak of it.
  }

  struct Object {
    id @0 :UInt32;
    kind @1 :UInt8;          # ObjectKind.
    format @2 :UInt8;        # ValueFormat: how to show the bits of a value.
    name @3 :Text;
    typeName @4 :Text;
    site @5 :UInt32;         # Where it was created.
    capacity @6 :UInt64;
    initialSize @7 :UInt64;  # Values in the buffer when this trace first saw it.
    initialCount @8 :Int64;  # Wait group, semaphore: its count then. Timer, ticker, context, and
                             # the channel of one: 1 if its moment was still to come.
    initialHolders @9 :List(UInt32);
    isInitiallyClosed @10 :Bool;
    channel @11 :UInt32;     # Of a timer, a ticker and a context: the channel on which it tells.
  }

  struct Site {
    id @0 :UInt32;
    line @1 :UInt32;
    file @2 :Text;
    function @3 :Text;
  }

  struct TextValue {
    id @0 :UInt64;
    text @1 :Text;
  }

  struct Stack {
    id @0 :UInt64;
    frames @1 :List(UInt64);  # Return addresses, innermost first.
  }

  struct Module {
    path @0 :Text;
    base @1 :UInt64;
    sizeBytes @2 :UInt64;
    buildId @3 :Text;
  }
}

struct End {
  passed @0 :Bool;            # What the test itself said.
  endedTicks @1 :UInt64;
  ticksPerSecond @2 :UInt64;  # Measured over the whole run; 0: not measured.
  findings @3 :List(Finding); # What the runtime saw from its own state.
  foreignThreads @4 :UInt32;  # Threads that the library never saw, at the end.
  bodyEnded @5 :Bool;
  schedule @6 :Schedule;      # What was decided, where tasks ran under control.
  explanation @7 :Explanation; # Why it failed, where that was looked for.

  struct Explanation {
    tasks @0 :List(Text);
    deeds @1 :List(Deed);      # Steps in their order, then what was never made.
    orders @2 :List(Order);
    failedNearby @3 :UInt64;   # Of schedules like this one,
    nearby @4 :UInt64;         # of so many.
    decidedAt @5 :UInt64;      # A step; 0: before the first.
    continuations @6 :UInt64;  # That were tried behind it; 0: not known.
    choices @7 :List(Choice);
  }

  struct Deed {
    step @0 :UInt64;  # From 1; 0: never made.
    task @1 :UInt32;  # Index into the explanation's tasks.
    text @2 :Text;
    site @3 :Place;
    preempted @4 :Text;
  }

  struct Order {
    first @0 :Deed;
    second @1 :Deed;
    failed @2 :UInt64;     # The other way round,
    schedules @3 :UInt64;  # of so many.
  }

  struct Choice {
    deed @0 :Deed;
    outcome @1 :Text;
    failed @2 :UInt64;     # With another outcome,
    schedules @3 :UInt64;  # of so many.
  }

  struct Schedule {
    # Segments: so many operations in a row of one task; task 0: so many timers fired.
    tasks @0 :List(UInt32);
    operations @1 :List(UInt32);
    choices @2 :List(UInt32);      # What `choose` and selects got, from 0.
    fingerprint @3 :UInt64;        # Of all operations in their order.
    timeAtQuiescence @4 :Bool;     # Timers fired only when nothing else could go on.
    spawnIsStep @5 :Bool;          # Starting a task was an operation that counts,
    unlockIsStep @6 :Bool;         # and so was giving back a lock,
    endIsStep @7 :Bool;            # and the end of a task.
  }

  struct Finding {
    kind @0 :Text;       # The stable name: "deadlock", "leaked" ...
    certainty @1 :Text;  # "certain", "possible", "note".
    task @2 :UInt32;
    object @3 :UInt32;
    summary @4 :Text;
    reason @5 :List(Text);
    sites @6 :List(Place);
    participants @7 :List(Participant);
    behind @8 :List(Participant);
  }

  struct Place {
    role @0 :Text;
    file @1 :Text;
    function @2 :Text;
    line @3 :UInt32;
  }

  struct Participant {
    task @0 :UInt32;
    label @1 :Text;
    text @2 :Text;
    site @3 :Place;
    startedAt @4 :Place;
    startedBy @5 :Text;
  }
}
