//! What a service keeps outside its container: the volumes and folders of its definition.

use serde_json::Value;

/// Source and target of each; a source that is not named is none. What only lives in memory is left out.
pub(super) fn of(definition: &Value) -> Vec<(Option<String>, String)> {
    let volumes = definition.get("volumes").and_then(Value::as_array);
    volumes.into_iter().flatten().filter_map(one).collect()
}

fn one(volume: &Value) -> Option<(Option<String>, String)> {
    if let Some(short) = volume.as_str() {
        // `SOURCE:TARGET[:MODE]`; a default inside `${NAME:-/data}` has a colon of its own.
        let parts = split(short);
        return match parts.as_slice() {
            [target] => Some((None, (*target).to_owned())),
            [source, target, ..] => Some((Some((*source).to_owned()), (*target).to_owned())),
            [] => None,
        };
    }
    let text = |name: &str| volume.get(name).and_then(Value::as_str).map(str::to_owned);
    let is_kept = matches!(text("type").as_deref(), None | Some("volume" | "bind"));
    text("target").filter(|_| is_kept).map(|target| (text("source"), target))
}

/// At colons outside braces.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut begin, mut parts) = (0_u32, 0, Vec::new());
    for (at, char) in text.char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn volumes_are_read_short_and_long() {
        let definition = json!({ "volumes": [
            "data:/var/lib/postgresql", "./config:/etc/app:ro", "/cache", "${DATA:-/srv}/x:/x",
            { "type": "volume", "source": "logs", "target": "/logs" }, { "type": "tmpfs", "target": "/run" },
        ] });
        let some = |source: &str, target: &str| (Some(source.to_owned()), target.to_owned());
        let expected = [
            some("data", "/var/lib/postgresql"),
            some("./config", "/etc/app"),
            (None, "/cache".to_owned()),
            some("${DATA:-/srv}/x", "/x"),
            some("logs", "/logs"),
        ];
        assert_eq!(of(&definition), expected);
        assert!(of(&json!({})).is_empty());
    }
}
