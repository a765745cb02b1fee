#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "replay/end_to_end.h"
#include "replay/traces.h"

namespace chantrace::replay {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

TEST(CommandTest, TeachesWithoutArguments) {
  const Ran ran = Folder{}.run({});

  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(ran.err, HasSubstr("Usage: chantrace"));
}

TEST(CommandTest, HelpNamesEveryCommandAndEveryExitStatus) {
  const Ran ran = Folder{}.run({"--help"});

  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.err, IsEmpty());
  for (const char* part : {"check", "show", "stats", "diff", "merge", "export", "recover", "replay",
                           "completion", "man", "Examples:", "Exit status:", "  3  "}) {
    EXPECT_THAT(ran.out, HasSubstr(part));
  }
}

TEST(CommandTest, EveryCommandHasHelpWithExamples) {
  for (const char* command : {"check", "show", "stats", "diff", "merge", "export", "recover",
                              "replay", "completion", "man"}) {
    const Ran ran = Folder{}.run({command, "--help"});

    EXPECT_EQ(ran.status, 0) << command;
    EXPECT_THAT(ran.out, StartsWith(std::string("chantrace ") + command + " - "));
    EXPECT_THAT(ran.out, HasSubstr("Examples:"));
    EXPECT_EQ(Folder{}.run({"help", command}).out, ran.out);
  }
}

TEST(CommandTest, EveryOptionSaysItsDefault) {
  for (const char* command : {"check", "show", "stats", "diff", "merge", "export", "recover"}) {
    const std::string help = Folder{}.run({command, "--help"}).out;
    std::string options = help.substr(help.find("\nOptions:"));
    options.erase(options.find("\nExamples:"));
    std::size_t defaults = 0;
    std::size_t names = 0;
    for (std::size_t at = 0; (at = options.find("(default:", at)) != std::string::npos; ++at)
      ++defaults;
    for (std::size_t at = 0; (at = options.find("\n  -", at)) != std::string::npos; ++at) ++names;

    EXPECT_EQ(defaults, names - 1) << "all but --help of\n" << options;
  }
}

TEST(CommandTest, SaysItsVersion) {
  const Ran ran = Folder{}.run({"--version"});

  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.out, StartsWith("chantrace "));
}

TEST(CommandTest, SuggestsTheCommandThatWasMeant) {
  const Ran ran = Folder{}.run({"chekc", "traces"});

  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("no command \"chekc\""), HasSubstr("\"check\"?")));
}

TEST(CommandTest, SuggestsTheOptionThatWasMeant) {
  const Ran ran = Folder{}.run({"check", "--formt", "json", "."});

  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("did you mean \"--format\"?"));
}

TEST(CommandTest, RefusesAValueThatIsNoChoice) {
  const Ran ran = Folder{}.run({"check", "--format", "xml", "."});

  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("text, json, sarif, github"));
}

TEST(CommandTest, EndsQuietlyWhenItsReaderGoesAway) {
  const Folder folder;
  const std::string file = folder.add(make_loop(200).finish(), "a");

  const Ran ran = folder.run_shell("chantrace show --rows 0 " + file + " " + file + " | head -n 1");

  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.err, IsEmpty());
}

TEST(CommandTest, SaysWhenTheOutputCannotBeWritten) {
  const Folder folder;
  const std::string file = folder.add(make_loop(3).finish(), "a");

  const Ran ran = folder.run_shell("chantrace show " + file + " > /dev/full");

  EXPECT_EQ(ran.status, 3);
  EXPECT_THAT(ran.err, HasSubstr("No space left"));
}

TEST(CommandTest, SurvivesAnErrorThatCannotBeTold) {
  const Ran ran = Folder{}.run_shell("chantrace check nothing 2>/dev/full; echo $?");

  EXPECT_THAT(ran.out, HasSubstr("3"));
}

TEST(CommandTest, OverwritesNoTraceWithItsExport) {
  const Folder folder;
  const std::string file = folder.add(make_loop(3).finish(), "a");

  const Ran ran = folder.run({"export", file, "-o", "./" + file});

  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("the trace itself"));
  EXPECT_EQ(folder.run({"check", file}).status, 0);
}

TEST(CommandTest, RecoversACompleteTraceToWhereItIsAsked) {
  const Folder folder;
  const std::string file = folder.add(make_loop(3).finish(), "a");

  EXPECT_EQ(folder.run({"recover", file, "-o", "copy.chantrace"}).status, 0);

  EXPECT_EQ(folder.run({"check", "copy.chantrace"}).status, 0);
}

TEST(CommandTest, SaysThatThereIsNothingToShow) {
  const Folder folder;
  for (const char* const command : {"show", "stats"}) {
    const Ran ran = folder.run({command, "."});

    EXPECT_EQ(ran.status, 3);
    EXPECT_THAT(ran.err, HasSubstr("there are no traces here"));
  }
}

TEST(CommandTest, RefusesNumbersThatMakeNoSense) {
  const Folder folder;
  const std::string file = folder.add(make_loop(3).finish(), "a");

  EXPECT_EQ(folder.run({"show", "--from", "-1", file}).status, 2);
  EXPECT_EQ(folder.run({"check", "--findings", "-1", file}).status, 2);
  EXPECT_THAT(folder.run({"show", "--from", "5", "--to", "2", file}).err,
              HasSubstr("--to 2 comes before --from 5"));
}

TEST(CommandTest, CompletionScriptsAreAcceptedByTheirShells) {
  const Folder folder;
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const Ran ran =
        folder.run_shell("chantrace completion " + shell + " > script && { ! command -v " + shell +
                         " > known || " + shell + " -n script; }");

    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_THAT(folder.read("script"), HasSubstr("recover"));
  }
}

TEST(CommandTest, BashCompletesCommandsOptionsAndChoices) {
  const Folder folder;
  folder.run_shell("chantrace completion bash > script");
  const auto completed = [&](const std::string& words, int index) {
    return folder
        .run_shell("bash -c 'source ./script; COMP_WORDS=(" + words + "); COMP_CWORD=" +
                   std::to_string(index) + "; _chantrace; echo \"${COMPREPLY[@]}\"'")
        .out;
  };

  EXPECT_EQ(completed("chantrace ch", 1), "check\n");
  EXPECT_EQ(completed("chantrace check --form", 2), "--format\n");
  EXPECT_EQ(completed("chantrace check --format sa", 3), "sarif\n");
}

TEST(CommandTest, TheManualNamesEveryOption) {
  const Ran ran = Folder{}.run({"man"});

  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.out, StartsWith(".TH CHANTRACE 1"));
  EXPECT_THAT(ran.out, AllOf(HasSubstr("\\-\\-fail\\-on"), HasSubstr(".SH EXIT STATUS")));
}

TEST(CommandTest, TheManualIsAcceptedByMan) {
  const Ran ran = Folder{}.run_shell(
      "chantrace man > page && { ! command -v groff > known || groff -man -ww -Tutf8 page > shown; "
      "}");

  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.err, IsEmpty());
}

}  // namespace
}  // namespace chantrace::replay
