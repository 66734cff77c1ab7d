//! Numbers of things, as a person says them.

use std::fmt::Display;

/// `1 trouble`, `2 troubles`: so many of something, in the words for one and for others.
pub(crate) fn counted<N: Copy + Display + PartialEq + From<u8>>(
    count: N,
    one: &str,
    others: &str,
) -> String {
    let word = if count == N::from(1) { one } else { others };
    format!("{count} {word}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one() {
        let told = [0_u64, 1, 2].map(|count| counted(count, "try", "tries"));
        assert_eq!(told, ["0 tries", "1 try", "2 tries"]);
    }
}
