/* SPDX-License-Identifier: Apache-2.0 */
/* Thin on purpose: what can be completed is known in complete.c alone. */
#include <string.h>

#include "cli/complete.h"

/* clang-format off: shell text, line by line */
static const char bash[] =
        "# bash completion of carob, which is asked for the candidates\n"
        "_carob()\n"
        "{\n"
        "        local -a words=() found=()\n"
        "        local word glue='' i cur prefix=''\n"
        "        COMPREPLY=()\n"
        "        # bash splits words at '=' and ':'; carob wants them whole.\n"
        "        for ((i = 1; i <= COMP_CWORD; i++)); do\n"
        "                word=${COMP_WORDS[i]}\n"
        "                if ((${#words[@]})) && { [[ $word =~ ^[=:]+$ ]] || [[ $glue ]]; }; then\n"
        "                        words[-1]+=$word\n"
        "                else\n"
        "                        words+=(\"$word\")\n"
        "                fi\n"
        "                glue=''\n"
        "                [[ $word =~ ^[=:]+$ ]] && glue=1\n"
        "        done\n"
        "        ((${#words[@]})) || return 0\n"
        "        cur=${words[-1]}\n"
        "        while IFS= read -r word; do\n"
        "                case $word in\n"
        "                :files | :dirs)\n"
        "                        i=${cur#--*=}\n"
        "                        [[ $cur == --*=* ]] && glue=${cur%%=*}= || glue=''\n"
        "                        [[ $word == :dirs ]] && word=-d || word=-f\n"
        "                        while IFS= read -r word; do\n"
        "                                found+=(\"$glue$word\")\n"
        "                        done < <(compgen \"$word\" -- \"$i\")\n"
        "                        compopt -o filenames 2>/dev/null\n"
        "                        ;;\n"
        "                *) found+=(\"${word%%$'\\t'*}\") ;;\n"
        "                esac\n"
        "        done < <(\"${COMP_WORDS[0]}\" completion words -- \"${words[@]}\" 2>/dev/null)\n"
        "        # What bash replaces begins after the last separator.\n"
        "        [[ $COMP_WORDBREAKS == *=* && $cur == *=* ]] && prefix=${cur%\"${cur##*=}\"}\n"
        "        [[ $COMP_WORDBREAKS == *:* && ${cur#\"$prefix\"} == *:* ]] && prefix=${cur%\"${cur##*:}\"}\n"
        "        for word in \"${found[@]}\"; do\n"
        "                COMPREPLY+=(\"${word#\"$prefix\"}\")\n"
        "        done\n"
        "        [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null\n"
        "        return 0\n"
        "}\n"
        "complete -F _carob carob\n";

static const char zsh[] =
        "#compdef carob\n"
        "# zsh completion of carob, which is asked for the candidates\n"
        "_carob()\n"
        "{\n"
        "        local line files\n"
        "        local -a found open\n"
        "        for line in \"${(@f)$(${(Q)words[1]} completion words -- \"${(@Q)words[2,CURRENT]}\" 2>/dev/null)}\"; do\n"
        "                case $line in\n"
        "                (:files) files=-f ;;\n"
        "                (:dirs) files=-/ ;;\n"
        "                (*=$'\\t'*) open+=(\"${line%%$'\\t'*}\") ;;\n"
        "                (?*) found+=(\"${line%%$'\\t'*}\") ;;\n"
        "                esac\n"
        "        done\n"
        "        (( $#open )) && compadd -S '' -a open\n"
        "        (( $#found )) && compadd -a found\n"
        "        if [[ -n $files ]]; then\n"
        "                compset -P '--[^=]#='\n"
        "                _path_files $files\n"
        "        fi\n"
        "}\n"
        "if [[ $funcstack[1] == _carob ]]; then\n"
        "        _carob \"$@\"\n"
        "else\n"
        "        compdef _carob carob\n"
        "fi\n";

static const char fish[] =
        "# fish completion of carob, which is asked for the candidates\n"
        "function __carob_complete\n"
        "        set -l words (commandline -opc) (commandline -ct)\n"
        "        for line in ($words[1] completion words -- $words[2..-1] 2>/dev/null)\n"
        "                switch $line\n"
        "                        case ':files' ':dirs'\n"
        "                                set -l prefix (string match -r -- '^--[^=]*=' $words[-1])\n"
        "                                set -l begun (string replace -r -- '^--[^=]*=' '' $words[-1])\n"
        "                                for path in (__fish_complete_path $begun)\n"
        "                                        echo \"$prefix$path\"\n"
        "                                end\n"
        "                        case '*'\n"
        "                                echo $line\n"
        "                end\n"
        "        end\n"
        "end\n"
        "complete -c carob -f -a '(__carob_complete)'\n";
/* clang-format on */

const char *completion_script(const char *shell)
{
        if (strcmp(shell, "bash") == 0)
                return bash;
        if (strcmp(shell, "zsh") == 0)
                return zsh;
        return strcmp(shell, "fish") == 0 ? fish : NULL;
}
