//! The ASCII form of names with other letters (RFC 3492), for advice.

const BASE: u32 = 36;
const LEAST: u32 = 1;
const MOST: u32 = 26;

/// The form that DNS has for a name, where there is one.
pub(super) fn ascii(name: &str) -> Option<String> {
    let labels = name.split('.').map(|label| {
        let lower = label.to_lowercase();
        if lower.is_ascii() { Some(lower) } else { Some(format!("xn--{}", encoded(&lower)?)) }
    });
    labels.collect::<Option<Vec<_>>>().map(|labels| labels.join("."))
}

/// RFC 3492, section 6.3.
fn encoded(label: &str) -> Option<String> {
    let mut output: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(output.len()).ok()?;
    if basic > 0 {
        output.push('-');
    }
    let total = u32::try_from(label.chars().count()).ok()?;
    let (mut code, mut delta, mut bias, mut handled) = (128, 0_u32, 72, basic);
    while handled < total {
        let next = label.chars().map(u32::from).filter(|c| *c >= code).min()?;
        delta = delta.checked_add((next - code).checked_mul(handled + 1)?)?;
        code = next;
        for letter in label.chars().map(u32::from) {
            if letter < code {
                delta = delta.checked_add(1)?;
            }
            if letter == code {
                push_number(&mut output, delta, bias);
                bias = adapted(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta = delta.checked_add(1)?;
        code += 1;
    }
    Some(output)
}

fn push_number(output: &mut String, mut number: u32, bias: u32) {
    for step in 1.. {
        let threshold = (BASE * step).saturating_sub(bias).clamp(LEAST, MOST);
        if number < threshold {
            break;
        }
        let rest = number - threshold;
        output.push(digit(threshold + rest % (BASE - threshold)));
        number = rest / (BASE - threshold);
    }
    output.push(digit(number));
}

fn digit(number: u32) -> char {
    char::from_digit(if number < 26 { number + 10 } else { number - 26 }, BASE).unwrap_or('a')
}

fn adapted(delta: u32, count: u32, first: bool) -> u32 {
    let mut delta = delta / if first { 700 } else { 2 };
    delta += delta / count;
    let mut steps = 0;
    while delta > (BASE - LEAST) * MOST / 2 {
        delta /= BASE - LEAST;
        steps += BASE;
    }
    steps + (BASE - LEAST + 1) * delta / (delta + 38)
}
