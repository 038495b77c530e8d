//! What outlives a service's container: the volumes and the host's folders that it has in it.

use super::Service;
use super::interpolate::with_defaults;
use serde_json::Value;

/// A volume or a folder of the host in a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mount {
    /// The volume's name in the file, or the folder as written.
    pub source: String,
    /// Whether it is a named volume.
    pub is_volume: bool,
    /// Whether the service can only read it.
    pub is_read_only: bool,
}

impl Service {
    /// Its mounts, those of services that it extends among them. An anonymous volume goes with its container and is none; one whose name
    /// hangs on a variable without a default is not known.
    pub fn mounts(&self) -> Vec<Mount> {
        let definitions = std::iter::successors(Some(&self.definition), |definition| definition.get("extends"));
        let lists = definitions.filter_map(|definition| definition.get("volumes")?.as_array());
        lists.flatten().filter_map(mount).collect()
    }
}

fn mount(entry: &Value) -> Option<Mount> {
    let (source, options, kind) = match entry {
        Value::String(text) => {
            let text = with_defaults(text)?;
            let mut parts = text.split(':');
            let (source, _, options) = (parts.next()?.to_owned(), parts.next()?, parts.next().unwrap_or_default().to_owned());
            (source, options, None)
        }
        Value::Object(_) => {
            let field = |name: &str| entry.get(name).and_then(Value::as_str).and_then(with_defaults);
            let is_read_only = field("read_only").as_deref() == Some("true");
            let options = if is_read_only { "ro" } else { "" }.to_owned();
            (field("source").filter(|source| !source.is_empty())?, options, field("type"))
        }
        _ => return None,
    };
    let is_volume = match kind.as_deref() {
        None => !source.starts_with(['.', '/', '~']),
        Some("volume") => true,
        Some("bind") => false,
        // In memory, or an image: nothing of it stays.
        Some(_) => return None,
    };
    let is_read_only = options.split(',').any(|option| option == "ro");
    Some(Mount { source, is_volume, is_read_only })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceMap;

    #[test]
    fn volumes_and_folders_are_told_apart_in_both_forms() {
        let text = "services:\n  db:\n    image: db\n    volumes:\n      - data:/var/lib\n      - ./conf:/etc/db:ro\n      - /srv/x:/x:rw,z\n      - \
                    /anonymous\n      - ${NAME:-more}:/more\n      - ${UNKNOWN}:/u\n      - {type: volume, source: long, target: /l, read_only: \
                    true}\n      - {type: bind, source: ./b, target: /b}\n      - {type: tmpfs, target: /t}\n  copy:\n    extends: {service: \
                    db}\n    volumes: [own:/own]\n";
        let file = super::super::read(SourceMap::default().add("c.yml", text), text).unwrap();
        let mount = |source: &str, is_volume, is_read_only| Mount { source: source.to_owned(), is_volume, is_read_only };
        let of_db = [
            mount("data", true, false),
            mount("./conf", false, true),
            mount("/srv/x", false, false),
            mount("more", true, false),
            mount("long", true, true),
            mount("./b", false, false),
        ];
        assert_eq!(file.services[0].mounts(), of_db);
        let copied = file.services[1].mounts();
        assert_eq!((copied[0].source.as_str(), &copied[1..]), ("own", &of_db[..]));
    }
}
