#include "explain.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "chantrace/explanation.h"
#include "rerun.h"

namespace chantrace::replay {
namespace {

struct ExplainOptions {
  std::vector<std::string> inputs;
};

std::string text_of(const Trace& trace, const std::string& name) {
  const std::string title = trace.header.test.empty() ? name : trace.header.test;
  if (!trace.end) return title + ": the program was ended before it could say why\n";
  std::string text = title + ": " +
                     (trace.end->findings.empty() ? trace.end->passed ? "passed" : "failed"
                                                  : summarize(trace.end->findings)) +
                     "\n";
  if (!trace.end->explanation)
    return text + (trace.end->passed
                       ? "  a test that passed needs no explanation\n"
                       : "  why it failed was not looked for: chantrace shrink does, for this "
                         "trace\n");
  const Explanation& explanation = *trace.end->explanation;
  for (const auto& [option, value] : trace.header.options)
    if (option.starts_with(kInputOption))
      text += fmt::format("  {} = {}\n", option.substr(kInputOption.size()), value);
  return text + "\n" + steps_to_text(explanation) + "\n" + reasons_to_text(explanation);
}

}  // namespace

void add_explain(CLI::App& app, Context& context) {
  CLI::App& command = *app.add_subcommand(
      "explain",
      "tells why a test failed\n\n"
      "A test that was explored and failed leaves a trace that says under which smallest schedule "
      "it did, a column for each task, and which orders of operations that takes: each was turned "
      "round, and how often the test still failed stands beside it. That is tested, not proved. "
      "Of any other trace, chantrace shrink finds it out.");
  const auto options = std::make_shared<ExplainOptions>();
  add_inputs(command, options->inputs);
  set_examples(command,
               {{"Why does it fail?", "chantrace explain traces/Pool.ShutsDown.chantrace"}});
  command.callback([options, &context] {
    context.exit_code = for_each_trace(options->inputs, Charset::kUtf8, context,
                                       [&context](const Trace& trace, const std::string& name) {
                                         context.out.write(text_of(trace, name));
                                       });
  });
}

}  // namespace chantrace::replay
