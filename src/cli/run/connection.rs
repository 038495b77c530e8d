//! One Dokploy to talk to, with everything beside it.

use super::{Job, Stopped};
use crate::cli::notices::Notices;
use crate::cli::{asking, variables};
use crate::compose::masks_of;
use crate::dokploy::{Masks, Target};
use crate::drive::{BaseUrl, Probes};
use crate::model::Variables;
use crate::source::Span;

/// One Dokploy to talk to, and everything beside it that is not the clock.
pub(super) struct Connection<S> {
    pub(super) url: BaseUrl,
    pub(super) key: String,
    /// The text of the file of certificates that `ca` names, and where it is named.
    pub(super) authority: Option<(String, Span)>,
    pub(super) target: Target,
    pub(super) masks: Masks,
    pub(super) sources: S,
    pub(super) probes: Probes,
    /// Who is told of the run.
    pub(super) notices: Notices,
}

impl Job<'_> {
    pub(super) fn connection<S>(
        &self,
        url: BaseUrl,
        key: String,
        mut secrets: Vec<String>,
        variables: &dyn Variables,
        sources: S,
    ) -> Result<Connection<S>, Stopped> {
        let app = &self.schedule.app;
        let mut wrong = Vec::new();
        let mut name = |text| match variables::resolve(text, variables) {
            Ok(resolved) => {
                secrets.extend(resolved.secrets);
                resolved.value
            }
            Err(diagnostic) => {
                wrong.push(diagnostic);
                String::new()
            }
        };
        let target = Target { project: name(&app.project), environment: name(&app.environment), compose: name(&app.compose) };
        let asking = asking::from_here(&self.args.file, self.connect_to.clone());
        // Nobody is told of make-believe.
        let notices = if self.args.sandbox { Ok(Notices::none()) } else { Notices::prepare(&self.schedule, variables, asking.clone()) };
        let notices = notices.unwrap_or_else(|errors| {
            wrong.extend(errors.iter().map(variables::unprepared));
            Notices::none()
        });
        let probes = match Probes::prepare(&self.schedule, variables, asking) {
            Ok(probes) if wrong.is_empty() => probes,
            Ok(_) => return Err(self.refuse(wrong)),
            Err(errors) => {
                wrong.extend(errors.iter().map(variables::unprepared));
                return Err(self.refuse(wrong));
            }
        };
        let mut masks = notices.masks();
        for secret in &secrets {
            masks.add_secret(secret);
        }
        self.schedule.phases.iter().for_each(|phase| masks.merge(&masks_of(&phase.text)));
        Ok(Connection { url, key, authority: None, target, masks, sources, probes, notices })
    }
}
