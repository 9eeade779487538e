//! Where in a script something stands.

use wast::token::Span;

/// The beginnings of a text's lines.
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(position, _)| position + 1)).collect())
    }

    /// Line and column, both from 1, the column in bytes.
    pub(crate) fn place(&self, span: Span) -> (usize, usize) {
        let offset = span.offset();
        let line = self.0.partition_point(|&start| start <= offset);
        (line, offset - self.0[line - 1] + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_begin_at_one() {
        let lines = Lines::of("ab\n\nc\n");
        let place = |offset| lines.place(Span::from_offset(offset));
        assert_eq!([0, 1, 2, 3, 4, 6].map(place), [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1), (4, 1)]);
    }
}
