# Completion for sweepd(1).

_sweepd()
{
    local common="--db --log-level --log-format --config --check-config --version --help"
    local train="--threads --memory --max-db-bytes --min-free-bytes"
    local serve="--listen --base-path --token-file --max-owner-running --max-owner-bytes
        --allow-host --on-finish --web-root"
    local upload="--data --name --target --task --positive --format --delimiter --header --comment
        --decimal --missing --ignore --categorical --numeric --group --time --weight --split --fold
        --max-categories"
    local commands="run backup restore check token"
    local token="create list revoke --label --scope --expires"
    local command=${COMP_WORDS[1]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local known

    COMPREPLY=()
    case $before in
    --db | --config | --token-file | --data | --on-finish)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --web-root)
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        return
        ;;
    --log-level) known="debug info warning error" ;;
    --log-format) known="text json" ;;
    --scope) known="read submit admin" ;;
    --task) known="classification regression" ;;
    --format) known="csv tsv npy npz idx arff libsvm" ;;
    --header) known="true false" ;;
    --listen) known="127.0.0.1:8642 unix:" ;;
    --*) [[ " --check-config --version --help --force " == *" $before "* ]] || return ;;
    esac
    if [ -n "${known:-}" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$known" -- "$word")
        return
    fi

    case $command in
    run) known="$upload $train $common" ;;
    restore) known="--force $common" ;;
    backup | check) known=$common ;;
    token) known="$token $common" ;;
    *) known="$serve $train $common" ;;
    esac
    if [ "$COMP_CWORD" -eq 1 ]; then
        known="$commands $known"
    fi
    mapfile -t COMPREPLY < <(compgen -W "$known" -- "$word")
    case $command in
    run | backup | restore)
        if [[ $word != -* ]] && [ "$COMP_CWORD" -gt 1 ]; then
            mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$word")
        fi
        ;;
    esac
}

complete -o filenames -F _sweepd sweepd
