#include "report.h"

namespace chantrace::replay {

const Site* main_place(const Finding& finding) {
  for (const FindingSite& place : finding.sites) {
    if (!place.site.file.empty()) return &place.site;
  }
  for (const Participant& participant : finding.participants) {
    if (!participant.site.file.empty()) return &participant.site;
  }
  return nullptr;
}

std::string relative_file(const std::string& file, const std::filesystem::path& base) {
  const std::filesystem::path path{file};
  if (!path.is_absolute() || base.empty()) return path.lexically_normal().string();
  const std::string relative = path.lexically_relative(base).string();
  const bool is_below = !relative.empty() && !relative.starts_with("..");
  return is_below ? relative : path.lexically_normal().string();
}

}  // namespace chantrace::replay
