#include "screen.h"

// Functions instead of macros with names such as `move`.
#define NCURSES_NOMACROS 1
#include <ncurses.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cwchar>
#include <utility>
#include <vector>

#include "rescue.h"

namespace chantrace::view {
namespace {

constexpr std::array kFlagSignals = {SIGWINCH, SIGTSTP, SIGCONT};
/// Set by handlers, which run only while `next` waits.
volatile std::sig_atomic_t was_resized = 0;
volatile std::sig_atomic_t is_to_stop = 0;
volatile std::sig_atomic_t was_continued = 0;

void note_signal(int signal) {
  if (signal == SIGWINCH) was_resized = 1;
  if (signal == SIGTSTP) is_to_stop = 1;
  if (signal == SIGCONT) was_continued = 1;
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigaction(signal, &action, nullptr);
}

/// A string of the terminal's description without its pauses: "\x1b[m$<2>".
std::string capability(const char* name) {
  const char* const text = tigetstr(name);
  if (text == nullptr || text == reinterpret_cast<const char*>(-1)) return {};
  std::string sequence;
  for (const char* c = text; *c != '\0'; ++c) {
    if (c[0] == '$' && c[1] == '<')
      while (c[1] != '\0' && *c != '>') ++c;
    else
      sequence += *c;
  }
  return sequence;
}

/// What makes a terminal as it was: no colours, a cursor, keys as ever, the text of before.
std::string reset_sequence() {
  std::string reset = capability("sgr0") + capability("op") + capability("cnorm");
  reset += capability("rmkx");
  const std::string leave = capability("rmcup");
  // Without another screen to leave, what was drawn is in the way.
  return reset + (leave.empty() ? capability("clear") : leave);
}

// Numbers of colour pairs. Those of hues come last.
enum Pair : short {
  kGoodPair = 1,
  kBadPair,
  kWarningPair,
  kFaintPair,
  kMatchPair,
  kLinkPair,
  kHuePair
};
constexpr std::array<short, 12> kHues256 = {37, 172, 69, 134, 71, 167, 109, 178, 141, 79, 208, 103};
constexpr std::array<short, 4> kHues8 = {COLOR_CYAN, COLOR_MAGENTA, COLOR_YELLOW, COLOR_GREEN};

/// Colours have the numbers that they have in xterm; where there are more of them, a number is made
/// of red, green and blue.
bool has_256_colors() { return COLORS == 256; }

void make_pairs() {
  start_color();
  const short background = use_default_colors() == OK ? -1 : COLOR_BLACK;
  const bool is_rich = has_256_colors();
  init_pair(kGoodPair, COLOR_GREEN, background);
  init_pair(kBadPair, is_rich ? 160 : COLOR_RED, background);
  init_pair(kWarningPair, is_rich ? 172 : COLOR_YELLOW, background);
  init_pair(kFaintPair, is_rich ? 245 : COLOR_CYAN, background);
  init_pair(kMatchPair, COLOR_BLACK, COLOR_YELLOW);
  init_pair(kLinkPair, is_rich ? 33 : COLOR_BLUE, background);
  for (std::size_t i = 0; i < kHues256.size(); ++i)
    init_pair(static_cast<short>(kHuePair + i), is_rich ? kHues256[i] : kHues8[i % kHues8.size()],
              background);
}

std::string utf8_or_question_mark(const Frame::Cell& cell, int width) {
  std::mbstate_t state{};
  int columns = 0;
  const char* text = cell.text.data();
  std::size_t left = cell.text.size();
  while (left > 0) {
    wchar_t wide = 0;
    const std::size_t bytes = std::mbrtowc(&wide, text, left, &state);
    // What this machine's tables do not have would move everything behind it.
    if (bytes == 0 || bytes > left || wcwidth(wide) < 0) {
      columns = -1;
      break;
    }
    columns += wcwidth(wide);
    text += bytes;
    left -= bytes;
  }
  return columns == width ? cell.text : std::string(static_cast<std::size_t>(width), '?');
}

Key key_of_code(wint_t code) {
  switch (code) {
    case KEY_LEFT:
      return {Key::Kind::kLeft};
    case KEY_RIGHT:
      return {Key::Kind::kRight};
    case KEY_UP:
      return {Key::Kind::kUp};
    case KEY_DOWN:
      return {Key::Kind::kDown};
    case KEY_HOME:
      return {Key::Kind::kHome};
    case KEY_END:
      return {Key::Kind::kEnd};
    case KEY_PPAGE:
      return {Key::Kind::kPageUp};
    case KEY_NPAGE:
      return {Key::Kind::kPageDown};
    case KEY_ENTER:
      return {Key::Kind::kEnter};
    case KEY_BACKSPACE:
    case KEY_DC:
      return {Key::Kind::kBackspace};
    default:
      return {Key::Kind::kOther};
  }
}

Key key_of_character(wint_t character) {
  switch (character) {
    case '\r':
    case '\n':
      return {Key::Kind::kEnter};
    case '\t':
      return {Key::Kind::kTab};
    case '\x1b':
      return {Key::Kind::kEscape};
    case '\b':
    case '\x7f':
      return {Key::Kind::kBackspace};
    default:
      return character < ' ' ? Key{Key::Kind::kOther} : key_of(static_cast<char32_t>(character));
  }
}

}  // namespace

struct Screen::Parts {
  SCREEN* screen = nullptr;
  bool is_colored = false;
  bool is_rich = false;
  sigset_t mask_before{};
  std::array<struct sigaction, kFlagSignals.size()> before{};
  std::optional<Frame> shown;
  std::optional<Rescue> rescue;

  attr_t attributes_of(const Paint& paint) const;
  void show_row(const Frame& frame, std::size_t row) const;
  void stop();
  void redraw_all();
  void read_size();
};

std::unique_ptr<Screen> Screen::open(bool is_colored) {
  termios modes{};
  if (tcgetattr(STDIN_FILENO, &modes) != 0) return nullptr;
  auto parts = std::make_unique<Parts>();
  for (std::size_t i = 0; i < kFlagSignals.size(); ++i)
    sigaction(kFlagSignals[i], nullptr, &parts->before[i]);
  Rescue::remember_handlers();
  // Whatever ncurses does with signals is replaced below.
  parts->screen = newterm(nullptr, stdout, stdin);
  if (parts->screen == nullptr) return nullptr;
  parts->rescue.emplace(modes, reset_sequence());
  set_term(parts->screen);

  sigset_t flags;
  sigemptyset(&flags);
  for (const int signal : kFlagSignals) sigaddset(&flags, signal);
  pthread_sigmask(SIG_BLOCK, &flags, &parts->mask_before);
  for (const int signal : kFlagSignals) handle(signal, note_signal);

  set_escdelay(25);
  cbreak();
  noecho();
  nonl();
  keypad(stdscr, TRUE);
  nodelay(stdscr, TRUE);
  leaveok(stdscr, TRUE);
  curs_set(0);
  parts->is_colored = is_colored && has_colors();
  if (parts->is_colored) make_pairs();
  parts->is_rich = parts->is_colored && has_256_colors();
  return std::unique_ptr<Screen>(new Screen(std::move(parts)));
}

Screen::Screen(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Screen::~Screen() {
  endwin();
  parts_->rescue.reset();
  delscreen(parts_->screen);
  for (std::size_t i = 0; i < kFlagSignals.size(); ++i)
    sigaction(kFlagSignals[i], &parts_->before[i], nullptr);
  pthread_sigmask(SIG_SETMASK, &parts_->mask_before, nullptr);
}

std::size_t Screen::rows() const { return static_cast<std::size_t>(getmaxy(stdscr)); }
std::size_t Screen::columns() const { return static_cast<std::size_t>(getmaxx(stdscr)); }

attr_t Screen::Parts::attributes_of(const Paint& paint) const {
  const auto colored = [&](int pair, attr_t with, attr_t without) {
    return is_colored ? static_cast<attr_t>(COLOR_PAIR(pair)) | with : without;
  };
  switch (paint.ink) {
    case Ink::kPlain:
      return A_NORMAL;
    case Ink::kFaint:
      return is_rich ? static_cast<attr_t>(COLOR_PAIR(kFaintPair)) : A_DIM;
    case Ink::kHeading:
      return A_BOLD;
    case Ink::kGood:
      return colored(kGoodPair, A_NORMAL, A_NORMAL);
    case Ink::kBad:
      return colored(kBadPair, A_NORMAL, A_BOLD);
    case Ink::kWarning:
      return colored(kWarningPair, A_NORMAL, A_NORMAL);
    case Ink::kBar:
      return A_REVERSE;
    case Ink::kSelected:
      return A_REVERSE | A_BOLD;
    case Ink::kMatch:
      return colored(kMatchPair, A_NORMAL, A_UNDERLINE);
    case Ink::kLink:
      return colored(kLinkPair, A_BOLD, A_BOLD);
    case Ink::kParked:
      return colored(kHuePair + paint.hue % static_cast<int>(kHues256.size()), A_NORMAL, A_NORMAL);
    case Ink::kBlocked:
      return colored(kBadPair, A_BOLD, A_BOLD);
  }
  return A_NORMAL;
}

void Screen::Parts::show_row(const Frame& frame, std::size_t row) const {
  const auto y = static_cast<int>(row);
  std::size_t column = 0;
  while (column < frame.columns()) {
    const std::size_t begin = column;
    const Paint paint = frame.cell({row, column}).paint;
    std::string run;
    // Behind a character that is more than a column's, the place is said anew.
    bool is_simple = true;
    while (is_simple && column < frame.columns() && frame.cell({row, column}).paint == paint) {
      const Frame::Cell& cell = frame.cell({row, column});
      const bool is_wide =
          column + 1 < frame.columns() && frame.cell({row, column + 1}).text.empty();
      if (cell.text.size() == 1) {
        run += cell.text;
      } else {
        run += utf8_or_question_mark(cell, is_wide ? 2 : 1);
        is_simple =
            !is_wide &&
            detail::first_character(cell.text.empty() ? " " : cell.text).bytes == cell.text.size();
      }
      column += is_wide ? 2 : 1;
    }
    attrset(static_cast<int>(attributes_of(paint)));
    mvaddnstr(y, static_cast<int>(begin), run.data(), static_cast<int>(run.size()));
  }
  attrset(A_NORMAL);
}

void Screen::show(const Frame& frame) {
  const bool is_same_size = parts_->shown && parts_->shown->rows() == frame.rows() &&
                            parts_->shown->columns() == frame.columns();
  for (std::size_t row = 0; row < frame.rows(); ++row) {
    if (is_same_size && parts_->shown->has_same_row(frame, row)) continue;
    parts_->show_row(frame, row);
  }
  parts_->shown = frame;
  refresh();
}

/// As the terminal driver would have done it, but that the terminal is given back.
void Screen::Parts::stop() {
  endwin();
  handle(SIGTSTP, SIG_DFL);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTSTP);
  // That it goes on is known then, and not to be handled once more.
  sigaddset(&signals, SIGCONT);
  raise(SIGTSTP);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);  // Here it stops.
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  was_continued = 0;
  handle(SIGTSTP, note_signal);
  redraw_all();
}

void Screen::Parts::redraw_all() {
  read_size();
  shown.reset();
  clearok(curscr, TRUE);
}

void Screen::Parts::read_size() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return;
  resizeterm(size.ws_row, size.ws_col);
  shown.reset();
}

Screen::Event Screen::next(int wait_ms) {
  const auto read_key = [&]() -> std::optional<Event> {
    wint_t read = 0;
    const int kind = get_wch(&read);
    if (kind == ERR) return std::nullopt;
    if (kind == KEY_CODE_YES) {
      if (read == KEY_RESIZE) return Event{Event::Kind::kResized};
      return Event{Event::Kind::kKey, key_of_code(read)};
    }
    if (read == '\f') {
      parts_->redraw_all();
      return Event{Event::Kind::kResized};
    }
    return Event{Event::Kind::kKey, key_of_character(read)};
  };
  if (const auto event = read_key()) return *event;

  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  const timespec wait{.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1'000'000L};
  const int ready = ppoll(&input, 1, wait_ms < 0 ? nullptr : &wait, &parts_->mask_before);
  if (is_to_stop != 0) {
    is_to_stop = 0;
    parts_->stop();
    return {Event::Kind::kResized};
  }
  if (was_continued != 0) {
    was_continued = 0;
    endwin();
    parts_->redraw_all();
    return {Event::Kind::kResized};
  }
  if (was_resized != 0) {
    was_resized = 0;
    parts_->read_size();
    return {Event::Kind::kResized};
  }
  if (ready <= 0) return {};
  if ((input.revents & POLLIN) == 0) return {Event::Kind::kEnd};
  if (const auto event = read_key()) return *event;
  // Nothing can be read of what is there to be read: the terminal has gone.
  return {(input.revents & POLLHUP) != 0 ? Event::Kind::kEnd : Event::Kind::kNothing};
}

}  // namespace chantrace::view
