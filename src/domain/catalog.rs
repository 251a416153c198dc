//! What products and service plans are called.
//!
//! Graph names neither. The facts come from Microsoft's published list of product names; this file
//! owns the format in which they are kept and the choice between an operator's name, the catalog's and
//! one made from the part number.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::ids::{PlanId, SkuId};
use super::text::tidy_name;

/// The first line of a catalog; a change of format changes the number.
const HEADER: &str = "seatwise-catalog 1";

/// The catalog that this version was released with.
const COMPILED_IN: &str = include_str!("catalog.txt");

/// The most products or plans a catalog may hold: a bound on what an update may bring.
pub const ENTRIES_MAX: usize = 50_000;

/// Names of products and service plans by Microsoft's GUIDs. Names and part numbers are no keys:
/// several products share a name, and one part number has two GUIDs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalog {
    products: BTreeMap<SkuId, Entry>,
    plans: BTreeMap<PlanId, Entry>,
}

/// One named thing: Microsoft's own word for it and the name for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The part number of a product or the value of a plan, such as "`SPE_E3`".
    pub value: String,
    /// Such as "Microsoft 365 E3".
    pub name: String,
}

/// The name of a license and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicenseName {
    /// NFKC, single spaces.
    pub text: String,
    /// Who named it.
    pub source: NameSource,
}

/// Who named a license; the first that has a name wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameSource {
    /// The operator's own name.
    Operator,
    /// Microsoft's published name.
    Catalog,
    /// Made from the part number, since nobody has named the product.
    PartNumber,
}

/// Why a text is not a catalog.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct CatalogError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there and what belongs there.
    pub problem: String,
}

/// What a newer catalog changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CatalogChanges {
    /// Names of products that were not listed.
    pub added: Vec<String>,
    /// Old and new names of products.
    pub renamed: Vec<(String, String)>,
    /// Names of products that are no longer listed. They keep their names: a tenant may hold them.
    pub missing: Vec<String>,
}

impl Catalog {
    /// The catalog that this version was released with.
    pub fn compiled_in() -> Self {
        // A test reads the compiled-in file, so a damaged one cannot be released.
        Self::parse(COMPILED_IN).unwrap_or_default()
    }

    /// Reads our own format: a header, then `product` or `plan`, GUID, value and name in a line,
    /// separated by tabs. `#` begins a comment.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        let mut catalog = Self::default();
        let mut lines = text.lines().enumerate();
        match lines.next() {
            Some((_, HEADER)) => {}
            _ => return Err(error(1, format!("a catalog begins with \"{HEADER}\""))),
        }
        for (index, line) in lines {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            catalog
                .read_line(line)
                .map_err(|problem| error(index + 1, problem))?;
        }
        Ok(catalog)
    }

    fn read_line(&mut self, line: &str) -> Result<(), String> {
        let parts: Vec<&str> = line.split('\t').collect();
        let [kind, guid, value, name] = parts[..] else {
            return Err("expected kind, GUID, value and name, separated by tabs".into());
        };
        let entry = Entry {
            value: tidy_name(value),
            name: tidy_name(name),
        };
        match kind {
            "product" => {
                let id = SkuId::parse(guid).ok_or("the second column is not a GUID")?;
                self.products.insert(id, entry);
            }
            "plan" => {
                let id = PlanId::parse(guid).ok_or("the second column is not a GUID")?;
                self.plans.insert(id, entry);
            }
            other => return Err(format!("\"{other}\" is neither product nor plan")),
        }
        if self.products.len().max(self.plans.len()) > ENTRIES_MAX {
            return Err(format!("more than {ENTRIES_MAX} entries"));
        }
        Ok(())
    }

    /// Adds a product; the one that was there under the GUID is replaced.
    pub fn insert_product(&mut self, id: SkuId, value: &str, name: &str) {
        self.products.insert(
            id,
            Entry {
                value: tidy_name(value),
                name: tidy_name(name),
            },
        );
    }

    /// Adds a service plan; the one that was there under the GUID is replaced.
    pub fn insert_plan(&mut self, id: PlanId, value: &str, name: &str) {
        self.plans.insert(
            id,
            Entry {
                value: tidy_name(value),
                name: tidy_name(name),
            },
        );
    }

    /// The same in our own format, in order of GUID.
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEADER}\n");
        for (id, entry) in &self.products {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "product\t{id}\t{}\t{}", entry.value, entry.name);
        }
        for (id, entry) in &self.plans {
            let _ = writeln!(text, "plan\t{id}\t{}\t{}", entry.value, entry.name);
        }
        text
    }

    /// This catalog with everything that `newer` says on top of it, and what that changes.
    pub fn updated(&self, newer: &Self) -> (Self, CatalogChanges) {
        let mut changes = CatalogChanges::default();
        let mut merged = self.clone();
        for (id, entry) in &newer.products {
            match self.products.get(id) {
                None => changes.added.push(entry.name.clone()),
                Some(old) if old.name != entry.name => {
                    changes.renamed.push((old.name.clone(), entry.name.clone()));
                }
                Some(_) => {}
            }
            merged.products.insert(*id, entry.clone());
        }
        for (id, old) in &self.products {
            if !newer.products.contains_key(id) {
                changes.missing.push(old.name.clone());
            }
        }
        merged.plans.extend(newer.plans.clone());
        (merged, changes)
    }

    /// What Microsoft calls a product.
    pub fn product(&self, id: SkuId) -> Option<&Entry> {
        self.products.get(&id)
    }

    /// Every product, by GUID.
    pub fn products(&self) -> impl Iterator<Item = (SkuId, &Entry)> {
        self.products.iter().map(|(id, entry)| (*id, entry))
    }

    /// How many products are listed.
    pub fn product_count(&self) -> usize {
        self.products.len()
    }

    /// The name of a license: the operator's, else the catalog's, else one made from the part number.
    pub fn license_name(
        &self,
        id: SkuId,
        part_number: &str,
        operator: Option<&str>,
    ) -> LicenseName {
        if let Some(text) = operator {
            return LicenseName {
                text: tidy_name(text),
                source: NameSource::Operator,
            };
        }
        match self.products.get(&id) {
            Some(entry) => LicenseName {
                text: entry.name.clone(),
                source: NameSource::Catalog,
            },
            None => LicenseName {
                text: humanized(part_number),
                source: NameSource::PartNumber,
            },
        }
    }

    /// The name of a service plan: the catalog's, else one made from its value.
    pub fn plan_name(&self, id: PlanId, value: &str) -> String {
        match self.plans.get(&id) {
            Some(entry) => entry.name.clone(),
            None => humanized(value),
        }
    }
}

fn error(line: usize, problem: String) -> CatalogError {
    CatalogError { line, problem }
}

/// A part number as a person would read it: "`CONTOSO_PHONE_SYSTEM`" is "Contoso Phone System".
///
/// Words with a digit and words of up to three letters stay as they are: they are mostly
/// abbreviations, "E5" or "EMS".
pub fn humanized(part_number: &str) -> String {
    let words = part_number
        .split(|character: char| character == '_' || character.is_whitespace())
        .filter(|word| !word.is_empty());
    let named: Vec<String> = words.map(humanized_word).collect();
    tidy_name(&named.join(" "))
}

fn humanized_word(word: &str) -> String {
    let is_shouted = word.chars().all(|character| !character.is_lowercase());
    let is_short = word.chars().count() <= 3;
    let has_digit = word.chars().any(|character| character.is_ascii_digit());
    if !is_shouted || is_short || has_digit {
        return word.to_owned();
    }
    let mut characters = word.chars();
    match characters.next() {
        Some(first) => first.to_string() + &characters.as_str().to_lowercase(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sku(number: u128) -> SkuId {
        SkuId(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn the_compiled_in_catalog_names_every_product_of_the_published_list() {
        let catalog = Catalog::parse(COMPILED_IN).unwrap();
        assert_eq!(catalog.product_count(), 619);
        let e3 = SkuId::parse("05e9a617-0261-4cee-bb44-138d3ef5d965").unwrap();
        let name = catalog.license_name(e3, "SPE_E3", None);
        assert_eq!(name.text, "Microsoft 365 E3");
        assert_eq!(name.source, NameSource::Catalog);
    }

    #[test]
    fn every_name_in_the_compiled_in_catalog_is_tidy() {
        let catalog = Catalog::compiled_in();
        for entry in catalog.products.values().chain(catalog.plans.values()) {
            assert_eq!(entry.name, tidy_name(&entry.name));
            assert!(
                !entry.name.is_empty() && !entry.value.is_empty(),
                "{entry:?}"
            );
        }
    }

    #[test]
    fn a_catalog_survives_being_written_and_read() {
        let catalog = Catalog::compiled_in();
        assert_eq!(Catalog::parse(&catalog.to_text()).unwrap(), catalog);
    }

    #[test]
    fn the_operator_wins_over_the_catalog_and_the_catalog_over_the_part_number() {
        let mut catalog = Catalog::default();
        catalog.insert_product(sku(1), "SPE_E3", "Microsoft 365 E3");
        let check = |id, operator, text: &str, source| {
            let name = catalog.license_name(id, "CONTOSO_PHONE_E5", operator);
            assert_eq!((name.text.as_str(), name.source), (text, source));
        };
        check(sku(1), Some(" Office "), "Office", NameSource::Operator);
        check(sku(1), None, "Microsoft 365 E3", NameSource::Catalog);
        check(sku(2), None, "Contoso Phone E5", NameSource::PartNumber);
    }

    #[test]
    fn a_part_number_is_humanized_without_losing_abbreviations() {
        let check = |part_number, name| assert_eq!(humanized(part_number), name);
        check("EXCHANGE_S_ENTERPRISE", "Exchange S Enterprise");
        check("EMS_E5", "EMS E5");
        check("Microsoft_Teams_Rooms_Pro", "Microsoft Teams Rooms Pro");
        check("MCOPSTN5", "MCOPSTN5");
        check("__", "");
    }

    #[test]
    fn an_update_says_what_it_adds_renames_and_misses_and_keeps_what_is_missing() {
        let mut old = Catalog::default();
        old.insert_product(sku(1), "A", "Alpha");
        old.insert_product(sku(2), "B", "Beta");
        let mut new = Catalog::default();
        new.insert_product(sku(2), "B", "Beta 2");
        new.insert_product(sku(3), "C", "Gamma");
        let (merged, changes) = old.updated(&new);
        assert_eq!(changes.added, ["Gamma"]);
        assert_eq!(changes.renamed, [("Beta".into(), "Beta 2".into())]);
        assert_eq!(changes.missing, ["Alpha"]);
        assert_eq!(merged.product_count(), 3);
    }

    #[test]
    fn a_broken_catalog_is_refused_with_its_line() {
        let check = |text: &str, line| assert_eq!(Catalog::parse(text).unwrap_err().line, line);
        check("", 1);
        check("seatwise-catalog 2\n", 1);
        check("seatwise-catalog 1\nproduct\tx\ty\tz\n", 2);
        check("seatwise-catalog 1\n# fine\n\nwhat\n", 4);
    }
}
