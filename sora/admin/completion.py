"""Completion of the command line in shells: a script made of the commands themselves."""

from collections.abc import Sequence
from typing import Final

from sora.admin.shape import Shape

SHELLS: Final = ("bash", "zsh")

_BASH: Final = """\
# Completion of `twistd sora-admin`: source <(twistd sora-admin completion bash)
_sora_admin_words() {
    case "$1" in
@TABLE@
        *) return 1 ;;
    esac
}

_sora_admin() {
    local current="${COMP_WORDS[COMP_CWORD]}" path="" word i first=-1
    for ((i = 0; i < COMP_CWORD; i++)); do
        [[ "${COMP_WORDS[i]##*/}" == sora-admin ]] && first=$((i + 1)) && break
    done
    COMPREPLY=()
    if ((first < 0)); then
        [[ "${COMP_WORDS[0]##*/}" == twistd ]] &&
            COMPREPLY=($(compgen -W "sora sora-admin" -- "$current"))
        return
    fi
    for ((i = first; i < COMP_CWORD; i++)); do
        word="${path:+$path }${COMP_WORDS[i]}"
        _sora_admin_words "$word" >/dev/null && path="$word"
    done
    COMPREPLY=($(compgen -W "$(_sora_admin_words "$path")" -- "$current"))
}

complete -o default -F _sora_admin twistd sora-admin
"""
_ZSH: Final = """\
# Completion of `twistd sora-admin`: source <(twistd sora-admin completion zsh)
autoload -U +X compinit && compinit
autoload -U +X bashcompinit && bashcompinit
"""


def script(shell: str, shapes: Sequence[Shape]) -> str:
    """The script for one of `SHELLS`."""
    table = "\n".join(f'        "{" ".join(one.words)}") echo "{_words(one)}" ;;' for one in shapes)
    bash = _BASH.replace("@TABLE@", table)
    return bash if shell == "bash" else _ZSH + bash


def _words(shape: Shape) -> str:
    """What may follow: words of commands, or the long forms of options."""
    if shape.below:
        return " ".join(shape.below)
    flags = [flag for one in shape.arguments for flag in one.flags if flag.startswith("--")]
    choices = [word for one in shape.arguments if not one.flags for word in one.choices]
    return " ".join([*choices, *flags])
