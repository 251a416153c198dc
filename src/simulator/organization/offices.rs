//! Where people work.

/// An office.
#[derive(Debug)]
pub(crate) struct Office {
    /// `officeLocation`, before the floor.
    pub(crate) site: &'static str,
    /// `city`.
    pub(crate) city: &'static str,
    /// `state`, where the country has such.
    pub(crate) state: Option<&'static str>,
    /// `country`.
    pub(crate) country: &'static str,
    /// `usageLocation`.
    pub(crate) usage_location: &'static str,
    /// `preferredLanguage`.
    pub(crate) language: &'static str,
    /// `companyName`: the legal entity.
    pub(crate) entity: &'static str,
    /// Where most names come from: a position in [`CULTURES`](super::names::CULTURES).
    pub(crate) culture: usize,
}

macro_rules! office {
    ($site:literal, $city:literal, $state:expr, $country:literal, $usage:literal, $language:literal, $entity:literal, $culture:literal) => {
        Office {
            site: $site,
            city: $city,
            state: $state,
            country: $country,
            usage_location: $usage,
            language: $language,
            entity: $entity,
            culture: $culture,
        }
    };
}

/// All offices, the largest first.
#[rustfmt::skip] // One line an office.
pub(crate) const OFFICES: [Office; 20] = [
    office!("Redmond 18", "Redmond", Some("WA"), "United States", "US", "en-US", "Inc.", 0),
    office!("Berlin Mitte", "Berlin", None, "Germany", "DE", "de-DE", "GmbH", 2),
    office!("London Paddington", "London", None, "United Kingdom", "GB", "en-GB", "Ltd", 0),
    office!("München Nord", "München", None, "Germany", "DE", "de-DE", "GmbH", 2),
    office!("Bengaluru Tower B", "Bengaluru", Some("Karnataka"), "India", "IN", "en-IN", "India Pvt Ltd", 11),
    office!("Paris La Défense", "Paris", None, "France", "FR", "fr-FR", "SAS", 3),
    office!("Dublin Quays", "Dublin", None, "Ireland", "IE", "en-IE", "Ireland Ltd", 1),
    office!("Madrid Norte", "Madrid", None, "Spain", "ES", "es-ES", "S.L.", 4),
    office!("東京 品川", "Tokyo", None, "Japan", "JP", "ja-JP", "K.K.", 12),
    office!("Warszawa Wola", "Warszawa", None, "Poland", "PL", "pl-PL", "Sp. z o.o.", 7),
    office!("São Paulo Centro", "São Paulo", Some("SP"), "Brazil", "BR", "pt-BR", "do Brasil Ltda", 5),
    office!("Milano Isola", "Milano", None, "Italy", "IT", "it-IT", "S.r.l.", 6),
    office!("Αθήνα Κέντρο", "Athens", None, "Greece", "GR", "el-GR", "Hellas", 15),
    office!("İstanbul Levent", "İstanbul", None, "Türkiye", "TR", "tr-TR", "A.Ş.", 10),
    office!("Praha Karlín", "Praha", None, "Czechia", "CZ", "cs-CZ", "s.r.o.", 8),
    office!("København Havn", "København", None, "Denmark", "DK", "da-DK", "ApS", 9),
    office!("上海 浦东", "Shanghai", None, "China", "CN", "zh-CN", "China", 13),
    office!("서울 강남", "Seoul", None, "Korea", "KR", "ko-KR", "Korea", 14),
    office!("Lagos Island", "Lagos", None, "Nigeria", "NG", "en-NG", "Nigeria Ltd", 18),
    office!("Dubai Marina", "Dubai", None, "United Arab Emirates", "AE", "ar-AE", "FZ-LLC", 19),
];

/// The office at `per_mille`: earlier ones are larger, by the square.
pub(crate) fn office_at(per_mille: u64) -> usize {
    let per_mille = per_mille.min(999);
    (per_mille * per_mille * OFFICES.len() as u64 / 1_000_000) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::organization::names::CULTURES;

    #[test]
    fn every_office_is_reached_and_has_a_culture() {
        let mut people = [0; OFFICES.len()];
        for per_mille in 0..1000 {
            people[office_at(per_mille)] += 1;
        }
        assert!(people.iter().all(|&people| people > 0));
        assert!(people[0] > 4 * people[19]);
        assert!(OFFICES.iter().all(|office| office.culture < CULTURES.len()));
    }
}
