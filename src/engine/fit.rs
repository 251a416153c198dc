//! Giving back room to spare.
//!
//! `shrink_to_fit` is not enough: the allocator leaves a block where it is while at least half of it is
//! used, and columns grow by doubling. Of a million users that was some 40 bytes each, and the capacity of
//! a vector says nothing of it. So what has grown is moved to a block of its own size, once.

/// Moves values that have grown to where they fit.
pub(super) fn fit<T>(values: &mut Vec<T>) {
    if values.capacity() > values.len() {
        let mut fitting = Vec::with_capacity(values.len());
        fitting.append(values);
        *values = fitting;
    }
}

/// The same for a text.
pub(super) fn fit_text(text: &mut String) {
    if text.capacity() > text.len() {
        let mut fitting = String::with_capacity(text.len());
        fitting.push_str(text);
        *text = fitting;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_the_same_with_no_room_to_spare() {
        let mut values = Vec::with_capacity(100);
        values.extend(["a".to_owned(), "b".to_owned()]);
        fit(&mut values);
        assert_eq!(
            (values.capacity(), values),
            (2, vec!["a".to_owned(), "b".to_owned()])
        );
        let mut text = String::with_capacity(100);
        text.push('é');
        fit_text(&mut text);
        assert_eq!((text.capacity(), text.as_str()), (2, "é"));
    }
}
