//! How many parts a list is worth, and when the parts have given all of it.

/// Up to so many pages are read in one chain.
const SMALL_PAGES: u64 = 5;

/// About as many pages a part is meant to have, where the number of parts allows it.
const PART_PAGES: u64 = 4;

/// The most parts to begin with, without the users of unknown date. Each part may end with a page that
/// is nearly empty: with these, 100,000 users never take more than a quarter more requests than in one
/// chain, however they are spread.
const PARTS_FIRST_MAX: u64 = 23;

/// Requests beyond those of one chain that even a small list may take to be read sooner.
const SPARE_REQUESTS_MIN: u64 = 24;

/// Instants to know for each part; with fewer its ends would be guesses.
const SAMPLE_PER_PART: u64 = 4;

/// How large a list is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) rows: u64,
    /// Of a full page.
    pub(super) page_rows: u64,
}

impl Size {
    pub(super) fn is_small(self) -> bool {
        self.pages(self.rows) <= SMALL_PAGES
    }

    /// How many parts to begin with, given how many instants are known.
    pub(super) fn parts(self, sample: usize) -> usize {
        let parts = (self.pages(self.rows) / PART_PAGES)
            .clamp(2, PARTS_FIRST_MAX)
            .min(sample as u64 / SAMPLE_PER_PART);
        parts as usize // at most 23
    }

    /// A part with more rows than this is split again.
    pub(super) fn part_rows_max(self) -> u64 {
        self.part_rows().saturating_mul(2)
    }

    /// How many parts to make of one that turned out to have `rows`. `shares` are the rows of all parts
    /// that are being read, where they are known. One, if there are no requests to spare.
    pub(super) fn split(
        self,
        rows: u64,
        sample: usize,
        shares: impl Iterator<Item = Option<u64>>,
    ) -> usize {
        let (mut known, mut known_pages, mut unknown) = (0_u64, 0_u64, 0_u64);
        for share in shares {
            match share {
                Some(rows) => {
                    known = known.saturating_add(rows);
                    known_pages = known_pages.saturating_add(self.pages(rows).max(1));
                }
                None => unknown += 1,
            }
        }
        // The first page of the plain list, and what is not known yet: those parts have the other rows,
        // and each ends with half a page on average.
        let rest = self.pages(self.rows.saturating_sub(known));
        let planned = known_pages
            .saturating_add(rest)
            .saturating_add(1 + unknown / 2);
        // The page that came is read once more, and each part may end with one that is nearly empty.
        let spare = self
            .requests_max()
            .saturating_sub(planned)
            .saturating_sub(1);
        let parts = rows
            .div_ceil(self.part_rows().max(1))
            .min(spare)
            .min(PARTS_FIRST_MAX)
            .min(sample as u64 / SAMPLE_PER_PART);
        parts.max(1) as usize // at most 23
    }

    /// Whether so many rows are the whole list. While it is read people come and go, and Microsoft's
    /// count is a little behind.
    pub(super) fn is_all(self, read: u64) -> bool {
        self.rows.abs_diff(read) <= 5 + self.rows / 2_000
    }

    /// About how many rows a part is meant to have.
    fn part_rows(self) -> u64 {
        let fair = self.rows.div_ceil(PARTS_FIRST_MAX);
        fair.max(self.page_rows.saturating_mul(PART_PAGES))
    }

    /// The most requests that the list may take: a quarter more than one chain.
    fn requests_max(self) -> u64 {
        let pages = self.pages(self.rows);
        pages.saturating_add((pages / 4).max(SPARE_REQUESTS_MIN))
    }

    fn pages(self, rows: u64) -> u64 {
        rows.div_ceil(self.page_rows.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(rows: u64) -> Size {
        Size {
            rows,
            page_rows: 999,
        }
    }

    #[track_caller]
    fn check_parts(rows: u64, sample: usize, expected: Option<usize>) {
        let size = size(rows);
        let parts = (!size.is_small()).then(|| size.parts(sample));
        assert_eq!(parts, expected, "{rows}");
    }

    #[test]
    fn a_part_has_about_four_pages_or_a_fair_share() {
        check_parts(0, 0, None);
        check_parts(4_995, 999, None);
        check_parts(4_996, 999, Some(2));
        check_parts(12_000, 999, Some(3));
        check_parts(50_000, 999, Some(12));
        check_parts(100_000, 999, Some(23));
        check_parts(1_000_000, 999, Some(23));
        check_parts(u64::MAX, 999, Some(23));
        check_parts(100_000, 40, Some(10));
        check_parts(100_000, 3, Some(0));
    }

    #[test]
    fn a_hundred_thousand_users_take_at_most_a_quarter_more_requests() {
        let size = size(100_000);
        let one_chain = 101;
        // One first page, one nearly empty page a part, and the users of unknown date.
        let worst = 1 + (one_chain - 1) + size.parts(999) as u64 + 1;
        assert!(worst * 4 <= one_chain * 5, "{worst}");
        assert!(size.requests_max() * 4 <= one_chain * 5);
    }

    #[track_caller]
    fn check_split(rows: u64, shares: &[Option<u64>], expected: usize) {
        let split = size(100_000).split(rows, 999, shares.iter().copied());
        assert_eq!(split, expected);
    }

    #[test]
    fn a_part_is_split_again_as_far_as_there_are_requests_to_spare() {
        // 126 requests may be made. Of 23 parts and the undated one it is known what they have, or not.
        let known = |rows: u64| vec![Some(rows); 24];
        check_split(9_000, &known(4_167), 3); // 121 are planned
        check_split(90_000, &known(4_167), 4);
        check_split(9_000, &known(4_996), 1);
        check_split(90_000, &[None; 24], 11); // 114 are planned
        let mut one_large = vec![Some(10); 23];
        one_large.push(Some(99_770));
        check_split(99_770, &one_large, 1);
        check_split(9_000, &known(u64::MAX), 1);
    }

    #[track_caller]
    fn check_all(rows: u64, read: u64, expected: bool) {
        assert_eq!(size(rows).is_all(read), expected, "{read} of {rows}");
    }

    #[test]
    fn a_small_drift_is_no_loss() {
        check_all(100_000, 100_000, true);
        check_all(100_000, 99_945, true);
        check_all(100_000, 99_944, false);
        check_all(100_000, 100_055, true);
        check_all(100_000, 100_056, false);
        check_all(6_000, 5_992, true);
        check_all(6_000, 5_991, false);
    }
}
