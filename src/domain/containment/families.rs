//! Which service plans take the place of which, as a file of facts says it.

use std::collections::BTreeMap;

use crate::domain::ids::PlanId;
use crate::domain::license::ServicePlan;
use crate::domain::text::fold;

/// The first line of the file; a change of format changes the number.
const HEADER: &str = "seatwise-families 1";

/// The families that this version was released with.
const COMPILED_IN: &str = include_str!("families.txt");

/// Families of service plans, each from the least plan to the most, and the plans that count for nothing.
///
/// Plans are known by their GUID, and by their name where the GUID is another one or not public.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Families {
    plans: Vec<Known>,
    by_id: BTreeMap<PlanId, usize>,
    /// By folded name.
    by_name: BTreeMap<String, usize>,
}

/// What is known of one service plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Known {
    /// Nobody misses it.
    pub(super) is_carrier: bool,
    /// Where it stands, in each family that it is of.
    pub(super) steps: Vec<Step>,
}

/// A place in a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) family: usize,
    /// Whoever has this lacks nothing of the same or a lower tier.
    pub(super) tier: usize,
}

/// Why a text is not a file of families.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct FamiliesError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: &'static str,
}

impl Families {
    /// The families that this version was released with.
    pub fn compiled_in() -> Self {
        // A test reads the compiled-in file, so a damaged one cannot be released.
        Self::parse(COMPILED_IN).unwrap_or_default()
    }

    /// Reads our own format, which the file itself explains.
    pub fn parse(text: &str) -> Result<Self, FamiliesError> {
        let (mut families, mut here) = (Self::default(), None);
        let mut lines = text.lines().zip(1..);
        if lines.next().is_none_or(|(first, _)| first != HEADER) {
            return Err(FamiliesError {
                line: 1,
                problem: "the header of a file of families is missing",
            });
        }
        for (text, line) in lines {
            if !text.trim().is_empty() && !text.starts_with('#') {
                here = families
                    .read_line(text, here)
                    .map_err(|problem| FamiliesError { line, problem })?;
            }
        }
        Ok(families)
    }

    /// What is known of a plan: by GUID, else by name.
    pub(super) fn find(&self, plan: &ServicePlan) -> Option<&Known> {
        let by_id = self.by_id.get(&plan.plan_id);
        let place = by_id.or_else(|| self.by_name.get(&fold(&plan.value)))?;
        self.plans.get(*place)
    }

    /// Reads a line, given where the line before it stood; says where this one does.
    fn read_line(&mut self, line: &str, here: Option<Step>) -> Result<Option<Step>, &'static str> {
        let columns: Vec<&str> = line.split('\t').collect();
        let [kind, first, second] = columns[..] else {
            return Err("expected three columns, separated by tabs");
        };
        let step = match (kind, here) {
            ("family", _) => Some(Step {
                family: here.map_or(0, |here| here.family + 1),
                tier: 0,
            }),
            ("tier", Some(here)) => Some(Step {
                tier: here.tier + 1,
                ..here
            }),
            ("same", Some(here)) if here.tier > 0 => Some(here),
            ("carrier", _) => here,
            ("tier" | "same", _) => return Err("it belongs to no family"),
            _ => return Err("expected family, tier, same or carrier"),
        };
        let known = match kind {
            "family" => return Ok(step),
            "carrier" => self.known_mut(first, second)?,
            _ => {
                let known = self.known_mut(first, second)?;
                known.steps.extend(step);
                known
            }
        };
        known.is_carrier |= kind == "carrier";
        Ok(step)
    }

    /// The entry of a plan, made where there is none.
    fn known_mut(&mut self, guid: &str, name: &str) -> Result<&mut Known, &'static str> {
        let id = match guid {
            "-" => None,
            guid => Some(PlanId::parse(guid).ok_or("the second column is not a GUID")?),
        };
        let name = fold(name);
        let known = id.and_then(|id| self.by_id.get(&id));
        let place = *known
            .or_else(|| self.by_name.get(&name))
            .unwrap_or(&self.plans.len());
        if place == self.plans.len() {
            self.plans.push(Known::default());
        }
        self.by_name.insert(name, place);
        self.by_id.extend(id.map(|id| (id, place)));
        self.plans.get_mut(place).ok_or("a plan without an entry")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(guid: &str, value: &str) -> ServicePlan {
        ServicePlan {
            plan_id: PlanId::parse(guid).unwrap(),
            value: value.into(),
        }
    }

    const NIL: &str = "00000000-0000-0000-0000-000000000000";
    const STANDARD: &str = "9aaf7827-d63c-4b61-89c3-182f06f82e5c";

    #[test]
    fn the_compiled_in_families_are_sound() {
        let families = Families::parse(COMPILED_IN).unwrap();
        let of_families = families.plans.iter().filter(|plan| !plan.steps.is_empty());
        assert!(of_families.count() > 80);
        for (name, place) in &families.by_name {
            let known = &families.plans[*place];
            assert!(known.is_carrier || !known.steps.is_empty(), "{name}");
            let mut of_families: Vec<usize> = known.steps.iter().map(|step| step.family).collect();
            of_families.dedup();
            assert_eq!(
                of_families.len(),
                known.steps.len(),
                "{name} is twice in a family"
            );
        }
    }

    #[test]
    fn a_plan_is_found_by_guid_and_else_by_name() {
        let families = Families::compiled_in();
        let standard = families.find(&plan(STANDARD, "renamed")).unwrap();
        assert_eq!(
            families.find(&plan(NIL, "exchange_s_standard")),
            Some(standard)
        );
        assert_eq!(families.find(&plan(NIL, "EXCHANGE_S_NOTHING")), None);
        let nameless = families.find(&plan(NIL, "MICROSOFT_TEAMS_EVENTS")).unwrap();
        assert!(nameless.is_carrier);
    }

    #[track_caller]
    fn check_error(lines: &str, line: usize) {
        let text = format!("{HEADER}\n{lines}");
        assert_eq!(
            Families::parse(&text).map_err(|error| error.line),
            Err(line)
        );
    }

    #[test]
    fn what_is_no_file_of_families_is_refused_by_line() {
        assert_eq!(Families::parse("").map_err(|error| error.line), Err(1));
        check_error(&format!("tier\t{NIL}\tA"), 2);
        check_error(&format!("family\ta\tA\nsame\t{NIL}\tA"), 3);
        check_error("family\ta\tA\ntier\tno-guid\tA", 3);
        check_error("family\ta", 2);
        check_error(&format!("# a comment\n\nplan\t{NIL}\tA"), 4);
    }
}
