//! How the rules of the grammar read in a message. A new rule does not compile until somebody decides.

use super::grammar::Rule;

/// What a person would call what was expected here; `None` for rules that only give structure.
#[allow(clippy::enum_glob_use, reason = "a table over all rules")]
pub(super) fn words(rule: Rule) -> Option<&'static str> {
    use Rule::*;
    Some(match rule {
        text => "a string, `env(…)`, `secret(…)` or a name",
        plain | string | raw => "a string",
        name | names | word | reference => "a name",
        fault_kind => "a kind of fault such as `crash`",
        duration => "a duration such as `10m`",
        size => "a size such as `10GiB`",
        days => "a time such as `14d`",
        percent => "a share such as `95%`",
        quantity => "a size such as `10GiB`, or a share such as `95%`",
        integer | digits => "a whole number",
        decimal | negative => "a number",
        verb => "a method such as `POST`",
        truth | literal => "a value",
        regex => "a pattern such as `/error/`",
        opening => "a list such as `[\"PROGRAM\", \"ARGUMENT\"]`",
        statuses => "a list such as `[200, 302]`",
        range => "a range such as `200..299`",
        percentile => "a percentile such as `p95`",
        comparison => "a comparison such as `==`",
        equal => "`==`",
        equals => "`=`",
        less => "`<`",
        policy => "`rollback`, `stop` or `ask`",
        probe => "what to ask: `http`, `tcp`, `external`, …",
        k_about => "`about`",
        k_after => "`after`",
        k_basic => "`basic`",
        k_bearer => "`bearer`",
        k_body => "`body`",
        k_contains => "`contains`",
        k_else => "`else`",
        k_every => "`every`",
        k_exec => "`exec`",
        k_exists => "`exists`",
        k_expires => "`expires`",
        k_failure => "`failure`",
        k_failures => "`failures`",
        k_for => "`for`",
        k_free => "`free`",
        k_from => "`from`",
        k_header => "`header`",
        k_in => "`in`",
        k_matches => "`matches`",
        k_max => "`max`",
        k_over => "`over`",
        k_passes => "`passes`",
        k_redirects => "`redirects`",
        k_slack => "`slack`",
        k_stop => "`stop`",
        k_webhook => "`webhook`",
        k_within => "`within`",
        k_back => "`back`",
        k_blamed => "`blamed`",
        k_degraded => "`degraded`",
        k_exit => "`exit`",
        k_external => "`external`",
        k_failed => "`failed`",
        k_gate => "`gate`",
        k_healthy => "`healthy`",
        k_noticed => "`noticed`",
        k_phase => "`phase`",
        k_rollback => "`rollback`",
        k_rolled => "`rolled`",
        k_service => "`service`",
        k_stopped => "`stopped`",
        k_to => "`to`",
        k_unnoticed => "`unnoticed`",
        k_verified => "`verified`",
        variable => "`env(…)`",
        secret => "`secret(…)`",
        end => "the end of the line",
        // Only lists and brackets take comments where something else may stand.
        comment | gap => "`,` or the closing bracket",
        http | tcp | outside | logs | container | postgres | redis | server | build_contexts | exec => "what to ask",
        EOI | file | statement | block | close | unclosed | line_break | declaration | broken | junk | stray_block | stray_close | rest
        | bracketed | curly | typographic | shell | unfinished | rollout | dokploy | url | api_key | ca | app | project | environment
        | compose | binding | sampling | every | timeout | healthy | unhealthy | queue | run | restarts | watch | notify | hook
        | service | job | external | gate | note | hint | needs | uses | allow | within_limit | approve | expect | warn | observe
        | status | time | body | json | header | none | some | ignore | running | image | query | ping | disk | memory | exit | stdout
        | condition | method | send | auth | follow | certificate | connect | read | banner | info | database | stderr | setting
        | phase | require | deploy | settle | soak | on_failure | removes | template | interpolation | escape | brace | characters
        | letter | blank | bom | s | o | strikes | strike | scenario | when | from | always | fault | clause | wanted | outcome | limit => {
            return None;
        }
    })
}

/// The bare word of a connector rule: `within` of `k_within`.
pub(super) fn connector(rule: Rule) -> Option<&'static str> {
    matches!(
        rule,
        Rule::k_about
            | Rule::k_after
            | Rule::k_basic
            | Rule::k_bearer
            | Rule::k_body
            | Rule::k_contains
            | Rule::k_else
            | Rule::k_every
            | Rule::k_exec
            | Rule::k_exists
            | Rule::k_expires
            | Rule::k_failure
            | Rule::k_failures
            | Rule::k_for
            | Rule::k_free
            | Rule::k_from
            | Rule::k_header
            | Rule::k_in
            | Rule::k_matches
            | Rule::k_max
            | Rule::k_over
            | Rule::k_passes
            | Rule::k_redirects
            | Rule::k_slack
            | Rule::k_stop
            | Rule::k_webhook
            | Rule::k_within
            | Rule::k_back
            | Rule::k_blamed
            | Rule::k_degraded
            | Rule::k_exit
            | Rule::k_external
            | Rule::k_failed
            | Rule::k_gate
            | Rule::k_healthy
            | Rule::k_noticed
            | Rule::k_phase
            | Rule::k_rollback
            | Rule::k_rolled
            | Rule::k_service
            | Rule::k_stopped
            | Rule::k_to
            | Rule::k_unnoticed
            | Rule::k_verified
            | Rule::equal
            | Rule::equals
            | Rule::less
    )
    .then(|| words(rule).map_or("", |quoted| quoted.trim_matches('`')))
}
