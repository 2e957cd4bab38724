//! What a scanned page draws: one picture, and perhaps text that nobody sees.

use super::PdfError;
use super::syntax::{Lexer, Object};

/// Most operators of a page that are read: recognised text has some per word.
const OPERATORS_MAX: usize = 400_000;
/// Most operands before an operator.
const OPERANDS_MAX: usize = 64;
/// Most states of drawing kept aside.
const STATES_MAX: usize = 32;
/// The text mode in which nothing is painted.
const INVISIBLE: f64 = 3.0;

/// The picture a page draws.
pub(super) struct Drawn {
    /// Its name among the page's resources.
    pub(super) picture: Vec<u8>,
    /// How it is turned on the page, clockwise.
    pub(super) quarter_turns: u8,
}

/// The linear part of a transformation: `[a b c d]`.
type Matrix = [f64; 4];

struct State {
    matrix: Matrix,
    text_mode: f64,
}

/// Reads a page's drawing.
pub(super) fn drawn(content: &[u8]) -> Result<Drawn, PdfError> {
    let mut lexer = Lexer::new(content, 0);
    let mut operands: Vec<Object> = Vec::new();
    let mut state = State { matrix: [1.0, 0.0, 0.0, 1.0], text_mode: 0.0 };
    let mut kept: Vec<State> = Vec::new();
    let mut found = None;
    let mut operators = 0;
    while let Some(object) = lexer.object()? {
        let Object::Keyword(operator) = object else {
            operands.push(object);
            if operands.len() > OPERANDS_MAX {
                return Err(PdfError::NotScanned);
            }
            continue;
        };
        operators += 1;
        if operators > OPERATORS_MAX {
            return Err(PdfError::TooLarge);
        }
        match &operator[..] {
            b"q" if kept.len() < STATES_MAX => {
                kept.push(State { matrix: state.matrix, text_mode: state.text_mode });
            }
            b"Q" => state = kept.pop().ok_or(PdfError::Damaged)?,
            b"cm" => state.matrix = multiplied(&operands, state.matrix).ok_or(PdfError::Damaged)?,
            b"Tr" => state.text_mode = operands.last().and_then(Object::number).unwrap_or(0.0),
            b"Tj" | b"TJ" | b"'" | b"\"" if state.text_mode == INVISIBLE => {}
            b"Do" => {
                let name = operands.last().and_then(Object::name).ok_or(PdfError::Damaged)?;
                let turned = Drawn { picture: name.to_vec(), quarter_turns: quarter_turns(state.matrix)? };
                if found.replace(turned).is_some() {
                    return Err(PdfError::NotScanned);
                }
            }
            other if is_harmless(other) => {}
            _ => return Err(PdfError::NotScanned),
        }
        operands.clear();
    }
    found.ok_or(PdfError::NotScanned)
}

/// Operators that put nothing on the page: states, colours, paths that only clip, marks, and text's places.
fn is_harmless(operator: &[u8]) -> bool {
    matches!(
        operator,
        b"w" | b"J"
            | b"j"
            | b"M"
            | b"d"
            | b"ri"
            | b"i"
            | b"gs"
            | b"g"
            | b"G"
            | b"rg"
            | b"RG"
            | b"k"
            | b"K"
            | b"cs"
            | b"CS"
            | b"sc"
            | b"SC"
            | b"scn"
            | b"SCN"
            | b"re"
            | b"m"
            | b"l"
            | b"h"
            | b"W"
            | b"W*"
            | b"n"
            | b"BMC"
            | b"BDC"
            | b"EMC"
            | b"MP"
            | b"DP"
            | b"BX"
            | b"EX"
            | b"BT"
            | b"ET"
            | b"Tf"
            | b"Td"
            | b"TD"
            | b"Tm"
            | b"T*"
            | b"Tc"
            | b"Tw"
            | b"Tz"
            | b"TL"
            | b"Ts"
    )
}

/// The matrix of `cm` before the one in force.
fn multiplied(operands: &[Object], [a, b, c, d]: Matrix) -> Option<Matrix> {
    let numbers: Vec<f64> = operands.iter().map_while(Object::number).collect();
    let [e, f, g, h, _, _] = numbers[..] else { return None };
    Some([e * a + f * c, e * b + f * d, g * a + h * c, g * b + h * d])
}

/// How a matrix turns a picture; mirrored and slanting ones are no scan.
fn quarter_turns([a, b, c, d]: Matrix) -> Result<u8, PdfError> {
    let small = 0.01 * [a, b, c, d].iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    let is_straight = b.abs() <= small && c.abs() <= small;
    let is_crossed = a.abs() <= small && d.abs() <= small;
    match () {
        () if is_straight && a > 0.0 && d > 0.0 => Ok(0),
        () if is_crossed && b < 0.0 && c > 0.0 => Ok(1),
        () if is_straight && a < 0.0 && d < 0.0 => Ok(2),
        () if is_crossed && b > 0.0 && c < 0.0 => Ok(3),
        () => Err(PdfError::NotScanned),
    }
}
