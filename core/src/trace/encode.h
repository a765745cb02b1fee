/// \file
/// From our values to Cap'n Proto's: shared by the messages a recorder makes one by one and by
/// those that a whole trace is written with.
#pragma once

#include <capnp/message.h>

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "chantrace/trace.h"
#include "compact.h"
#include "trace.capnp.h"

namespace chantrace::detail {

void fill(schema::Header::Builder to, const TraceHeader& header);
void fill(schema::Definitions::Task::Builder to, const TaskInfo& task);
void fill(schema::Definitions::Object::Builder to, const ObjectInfo& object);
void fill(schema::Definitions::Site::Builder to, SiteId id, std::string_view file,
          std::string_view function, std::uint32_t line);
void fill(schema::Definitions::TextValue::Builder to, std::uint64_t id, std::string_view text);
void fill(schema::Definitions::Stack::Builder to, std::uint64_t id,
          std::span<const std::uint64_t> frames);
void fill(schema::Definitions::Module::Builder to, const ModuleInfo& module);
void fill(schema::End::Builder to, const TraceEnd& end);

/// Where a chunk's events stand in their task's.
struct ChunkPlace {
  TaskId task{};
  std::uint64_t first_index = 0;
  std::uint64_t lost_before = 0;
};

/// What `compact` made of events, as it is or compressed.
struct CompactData {
  std::size_t events_count = 0;
  CompactEncoding encoding = CompactEncoding::kPlain;
  std::size_t plain_bytes = 0;
  std::span<const std::byte> bytes;
};

void fill(schema::CompactChunk::Builder to, const ChunkPlace& place, const CompactData& data);

/// Appends the message in stream framing.
void append_message(capnp::MessageBuilder& message, std::vector<std::byte>& bytes);

}  // namespace chantrace::detail
