#!/usr/bin/env bash
# A window's transaction with curl and jq: reads the card, captures the paper, files it, lists what is on file.
# WINDOW_TOKEN is a token with the scopes card, capture, archive:write and archive:read. Ends with 3 where no card lies there.
set -euo pipefail
ADDRESS=${WINDOW_ADDRESS:-http://127.0.0.1:18680}

# Nothing secret on curl's command line: other users of this PC see those.
secrets() {
    printf 'header = "Authorization: Bearer %s"\n' "$WINDOW_TOKEN"
}

# call METHOD PATH [BODY]: the answer, or an end with what is wrong. A changing call has its own Idempotency-Key:
# sent again under the same key after a broken connection, it is still carried out once.
call() {
    local answer status
    answer=$(curl -sS --noproxy '*' --config <(secrets) -X "$1" -H 'Accept-Language: en' -H 'Content-Type: application/json' \
        -H "Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)" -H 'Yidang-Operator: clerk-07' \
        -w '\n%{http_code}' --data-binary @- "$ADDRESS$2" <<<"${3:-}") || {
        echo "the service does not answer at $ADDRESS: is it running?" >&2
        exit 1
    }
    status=${answer##*$'\n'}
    answer=${answer%$'\n'*}
    [ "$status" -lt 400 ] && { printf '%s' "$answer"; return; }
    jq -r '"\(.title) \(.remedy) [\(.code)]"' <<<"$answer" >&2
    case $(jq -r .code <<<"$answer") in
        card_absent) exit 3 ;;
        *) exit 1 ;;
    esac
}

card=$(call POST /v1/card/read '{"wait_ms": 500}')
holder=$(jq -r .holder <<<"$card")
paper=$(call POST /v1/captures "{\"holder\": \"$holder\"}")
jq -r '.quality.findings[].en' <<<"$paper"
material=$(call POST /v1/materials \
    "{\"holders\": [\"$holder\"], \"kind\": \"form\", \"captures\": [$(jq .id <<<"$paper")], \"case\": \"K1\"}")
jq -r '"\(if .duplicate then "on file already" else "filed" end) \(.id)"' <<<"$material"
call GET "/v1/holders/$holder/materials" | jq -r '.materials[] | "on file: \(.kind) \(.id)"'
