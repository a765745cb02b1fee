/// \file
/// What a killed process left in its spool.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "byte_source.h"
#include "wire.h"

namespace chantrace::detail {

/// A chunk that was still being filled.
struct OpenChunk {
  ChunkWords words;
  std::span<const std::byte> events;
};

/// Refers to the spool's bytes.
struct SpoolContent {
  std::span<const std::byte> log;  ///< Whole messages.
  std::vector<OpenChunk> chunks;
};

struct SpoolSearch {
  std::optional<SpoolContent> content;  ///< Nothing if there is no spool of this trace.
  std::string warning;                  ///< Why a spool that is there was not read; or empty.
};

/// The bytes of the file; none if there is none.
std::vector<std::byte> read_spool_file(const std::filesystem::path& path);

/// Checks that the spool belongs to the trace, and finds its messages. No bytes do harm.
SpoolSearch find_in_spool(std::span<const std::byte> spool, ByteSource& trace);

}  // namespace chantrace::detail
