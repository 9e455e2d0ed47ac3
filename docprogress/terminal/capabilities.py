"""What a terminal supports, according to its environment variables.

Only terminals that are known to support a sequence get it: others print it, or take it
for a notification.
"""

import re
from collections.abc import Mapping

#: The values of TERM of terminals that cannot move the cursor.
_DUMB = frozenset({"dumb", "unknown"})

#: Variables of continuous integration, whose terminals are log files.
_CI = ("CI", "TF_BUILD", "GITHUB_ACTIONS", "TEAMCITY_VERSION", "JENKINS_URL")

#: Those that obey commands in their logs: GitHub Actions, Azure Pipelines, TeamCity.
_OBEYING = ("GITHUB_ACTIONS", "TF_BUILD", "TEAMCITY_VERSION")

_NO = frozenset({"", "0", "false", "no"})

#: The values of TERM_PROGRAM of terminals that show progress in a tab or taskbar.
_SHOW_PROGRESS = frozenset({"WezTerm", "ghostty"})

#: The versions from which on others do.
_ITERM = (3, 6, 6)
_KONSOLE = 260_400
_PTYXIS = (48,)
_VSCODE = (1, 97)

#: The values of TERM_PROGRAM, and of TERM, of terminals that open links.
_OPEN_LINKS = frozenset({"WezTerm", "ghostty", "vscode", "Hyper", "iTerm.app", "rio"})
_LINK_TERMS = frozenset({"alacritty", "foot", "foot-extra"})
_LINKS_IN_VTE = 5000
_LINKS_IN_KONSOLE = 201_200


def in_ci(env: Mapping[str, str]) -> bool:
    """Whether a program runs in continuous integration."""
    return any(env.get(name, "").lower() not in _NO for name in _CI)


def obeys_commands(env: Mapping[str, str]) -> bool:
    """Whether what is written is a log that takes some lines for commands."""
    return any(env.get(name, "").lower() not in _NO for name in _OBEYING)


def draws(env: Mapping[str, str]) -> bool:
    """Whether a terminal can draw in place."""
    return env.get("TERM", "") not in _DUMB and not in_ci(env)


def shows_progress(env: Mapping[str, str]) -> bool:
    """Whether a terminal shows the progress of OSC 9;4 in its tab or the taskbar."""
    if not draws(env) or _multiplexed(env):
        return False
    program = env.get("TERM_PROGRAM", "")
    version = _version(env.get("TERM_PROGRAM_VERSION", ""))
    if program == "iTerm.app":
        # Earlier ones take the sequence for a notification.
        return version >= _ITERM or _reports_progress(env.get("TERM_FEATURES", ""))
    if program == "vscode":
        return version >= _VSCODE
    return (
        program in _SHOW_PROGRESS
        or "WT_SESSION" in env
        or env.get("ConEmuANSI") == "ON"
        or _number(env.get("KONSOLE_VERSION", "")) >= _KONSOLE
        or _version(env.get("PTYXIS_VERSION", "")) >= _PTYXIS
        or _reports_progress(env.get("TERM_FEATURES", ""))
    )


def opens_links(env: Mapping[str, str]) -> bool:
    """Whether a terminal opens the links of OSC 8.

    Over SSH the links would name files of another machine.
    """
    if not draws(env) or _multiplexed(env) or "SSH_CONNECTION" in env:
        return False
    term = env.get("TERM", "")
    return (
        env.get("TERM_PROGRAM", "") in _OPEN_LINKS
        or term in _LINK_TERMS
        or term.startswith(("xterm-kitty", "xterm-ghostty"))
        or "WT_SESSION" in env
        or _number(env.get("VTE_VERSION", "")) >= _LINKS_IN_VTE
        or _number(env.get("KONSOLE_VERSION", "")) >= _LINKS_IN_KONSOLE
    )


def rewraps(env: Mapping[str, str]) -> bool:
    """Whether a terminal wraps the lines on the screen again when it is resized."""
    return "XTERM_VERSION" not in env and "STY" not in env


def _multiplexed(env: Mapping[str, str]) -> bool:
    """Whether tmux or screen is between the program and the terminal."""
    term = env.get("TERM", "")
    return "TMUX" in env or "STY" in env or term.startswith(("screen", "tmux"))


def _reports_progress(features: str) -> bool:
    """Whether TERM_FEATURES has `P`: https://iterm2.com/feature-reporting/."""
    return "P" in re.findall(r"[A-Z][a-z]*", features)


def _version(text: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(map(int, found[0].split("."))) if found else ()


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
