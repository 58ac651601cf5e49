"""A screening as a page and as text: pictures, and beside each what it can show and what it cannot.

Nothing of it stands in a report of a verification.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from e2ev.accountability.forensics import BINS, FEWEST_DIGITS, FINE, SMALLEST, Digits, Screening, Whole
from e2ev.report import plots

NOT_PROOF = "screening, not proof"
_INTRODUCTION = (
    "These pictures show patterns in published numbers. A pattern is a reason to look at sheets, ballots and people's "
    "accounts; it is no evidence that anything is wrong, and none that anybody did wrong. Its absence proves nothing "
    "either. Whoever quotes a picture without these words misleads."
)


@dataclass(frozen=True, slots=True)
class Picture:
    """One chart with its words.

    Attributes:
        title: Heading.
        svg: The chart.
        said: What the numbers are.
        can: What a pattern here can come from.
        cannot: What it cannot say.
    """

    title: str
    svg: str
    said: str
    can: str
    cannot: str


def pictures(screening: Screening) -> Iterator[Picture]:
    """Yield all charts."""
    yield _heat(screening)
    for digits in screening.digits:
        yield _digits(digits)
    for whole in screening.whole:
        yield _whole(whole)


_HEAT_CAN = (
    "One cloud is what much the same voters everywhere give. A tail toward high turnout and high share can come from "
    "added ballots or numbers (Klimek and others 2012). It comes as well from towns and villages that vote "
    "differently, from regions where a list is strong and its voters keen, and from closed places such as barracks."
)
_HEAT_CANNOT = (
    "It cannot tell these apart, and knows no single station. Look at the stations of the tail by region and kind."
)
_DIGITS_CAN = (
    "People who invent numbers avoid or prefer digits (Beber and Scacco 2012). Counting gives every digit about as "
    "often, if numbers vary by much more than ten from station to station."
)
_DIGITS_CANNOT = (
    "One of twenty honest columns is below 0.05, and there are several columns here. Stations of one size, limits of "
    "ballots in a box and numbers that are copied right from a false count change or hide digits."
)
_WHOLE_CAN = (
    "Numbers that were made to fit a wanted percentage heap up at whole ones, at fives and tens above all (Kobak, "
    "Shpilkin and Pshenichnikov 2016). Bars around whole percentages are dark."
)
_WHOLE_CANNOT = (
    "The simulation assumes that voters of a station decide independently, each with the station's own chance. It "
    "cannot name a station: every whole percentage can be honest. Small stations have whole ones by arithmetic, so "
    f"those below {SMALLEST} are left out."
)


def _heat(screening: Screening) -> Picture:
    title = f"Turnout and share of {screening.option}"
    svg = plots.heat_map(title, screening.heat, BINS, "turnout", f"share of {screening.option}")
    said = f"{len(screening.points)} stations. The darker a square, the more stations."
    return Picture(title, svg, said, _HEAT_CAN, _HEAT_CANNOT)


def _digits(digits: Digits) -> Picture:
    title = f"Last digits of {digits.of}"
    svg = plots.columns(title, digits.counts, [str(i) for i in range(10)], digits.numbers / 10, "last digit")
    judged = f"not judged: below {FEWEST_DIGITS} numbers"
    if digits.p_value is not None:
        judged = f"chance of so uneven digits, if all are equally frequent: {digits.p_value:.3f}"
    said = (
        f"{digits.numbers} numbers of three digits or more; chi-square {digits.chi_square:.1f} with 9 degrees of "
        f"freedom; {judged}."
    )
    return Picture(title, svg, said, _DIGITS_CAN, _DIGITS_CANNOT)


def _whole(whole: Whole) -> Picture:
    title = f"Whole percentages: {whole.of}"
    svg = plots.histogram(title, whole.bins, FINE, whole.of)
    said = (
        f"{whole.found} of {whole.stations} stations have a whole percentage, within 0.05 points; by chance there "
        f"would be {whole.expected:.1f}, give or take {whole.spread:.1f} ({whole.runs} simulations, of which "
        f"{whole.as_many} have as many; chance {whole.p_value:.3f})."
    )
    return Picture(title, svg, said, _WHOLE_CAN, _WHOLE_CANNOT)


def left_out(screening: Screening) -> str:
    """Return which stations were not looked at."""
    held = screening.left_out
    return (
        f"Not looked at: {held.unread} stations whose sheet is missing or cannot be read, {held.no_register} without "
        f"the size of a register, {held.small} below {SMALLEST} people or votes, {held.above} with more ballots than "
        "people on the register."
    )


def text(screening: Screening) -> str:
    """Return the screening as text."""
    lines = [f"{screening.title}: {NOT_PROOF}", f"{screening.contest}, {screening.option}", "", _INTRODUCTION, "",
             left_out(screening)]  # fmt: skip
    for picture in pictures(screening):
        lines += ["", f"{picture.title} ({NOT_PROOF})", f"  {picture.said}", f"  can show: {picture.can}",
                  f"  cannot: {picture.cannot}"]  # fmt: skip
    return "\n".join(lines)


def page(screening: Screening) -> str:
    """Return the screening as one HTML file."""
    parts = [_figure(picture) for picture in pictures(screening)]
    intro = [_INTRODUCTION, f"{screening.contest}: {screening.option}.", left_out(screening)]
    return html_page(f"{screening.title}: {NOT_PROOF}", intro, parts)


def _figure(picture: Picture) -> str:
    return (
        f"<section><h2>{escape(picture.title)}</h2><p class='not'>{NOT_PROOF}</p>{picture.svg}"
        f"<p>{escape(picture.said)}</p><p><b>What it can show.</b> {escape(picture.can)}</p>"
        f"<p><b>What it cannot.</b> {escape(picture.cannot)}</p></section>"
    )


def html_page(title: str, intro: Sequence[str], sections: Sequence[str]) -> str:
    """Return a page of its own: no scripts, nothing loaded."""
    told = "".join(f"<p>{escape(line)}</p>\n" for line in intro)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(title)}</title>
<style>
body {{ font: 11pt/1.45 sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em; color: #222; }}
h1 {{ font-size: 1.5em; }} h2 {{ font-size: 1.15em; margin: 1.6em 0 .2em; }}
svg.plot {{ width: 100%; height: auto; }} .not {{ margin: 0; color: #8a3b12; font-weight: bold; }}
table {{ border-collapse: collapse; margin: .6em 0; }} th, td {{ padding: .15em .7em .15em 0; text-align: start; }}
td.n, th.n {{ text-align: end; font-variant-numeric: tabular-nums; }} .bad {{ color: #8a1c1c; }}
section {{ break-inside: avoid; }} footer {{ margin-top: 2em; color: #666; font-size: .9em; }}
</style></head>
<body><h1>{escape(title)}</h1>
{told}{"".join(sections)}
</body></html>
"""


def as_json(screening: Screening) -> dict[str, object]:
    """Return the screening for programs."""
    held = screening.left_out
    return {
        "what": NOT_PROOF, "title": screening.title, "contest": screening.contest, "option": screening.option,
        "stations": len(screening.points),
        "left_out": {"unread": held.unread, "no_register": held.no_register, "small": held.small, "above": held.above},
        "heat": [{"turnout_bin": x, "share_bin": y, "stations": count}
                 for (x, y), count in sorted(screening.heat.items())],
        "digits": [{"of": one.of, "counts": list(one.counts), "chi_square": one.chi_square, "p_value": one.p_value}
                   for one in screening.digits],
        "whole_percentages": [
            {"of": one.of, "stations": one.stations, "found": one.found, "expected": one.expected, "spread": one.spread,
             "runs": one.runs, "as_many": one.as_many, "p_value": one.p_value}
            for one in screening.whole
        ],
    }  # fmt: skip
