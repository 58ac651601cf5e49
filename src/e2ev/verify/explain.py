"""What checks and errors mean to people, and what somebody who meets one should do: texts for `e2ev explain`.

What a check demands, and where that is written, stands in the check itself. Words are those of specs/README.md,
"Words".
"""

from dataclasses import dataclass

from e2ev.errors import DataError
from e2ev.strict_json import nearest
from e2ev.verify.check import Check
from e2ev.verify.run import CHECKS


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a failure means for people, and what to do about it."""

    meaning: str
    advice: str


FAMILIES = (
    ("Board", ("R", "B")),
    ("Polling stations", ("P",)),
    ("Parameters and keys", ("1", "2", "3", "4", "K")),
    ("Ballots", ("5", "6", "7", "8", "I", "N", "S")),
    ("Decisions about ballots", ("D",)),
    ("Who may vote", ("E",)),
    ("Counting groups", ("9", "C")),
    ("Decryption", ("T", "10")),
    ("Result", ("11",)),
    ("Announced results", ("Q",)),
    ("Test ballots", ("12", "13", "14", "O")),
    ("Known keys and numbers", ("A",)),
)
"""Groups of checks as people read them, and the beginnings of their ids."""


def family_of(check: str) -> str:
    """Return the group that a check is shown in."""
    start = check.partition(".")[0]
    return next(title for title, starts in FAMILIES if start in starts)


def order_of(check: str) -> tuple[int, int]:
    """Return what sorts checks as people read them: by the families' order, then by the number or letter."""
    start, _, last = check.partition(".")
    starts = [one for _, family in FAMILIES for one in family]
    return starts.index(start), int(last) if last.isdecimal() else ord(last)


def explain(word: str) -> tuple[Check | None, Explanation]:
    """Return the check with this id, or None for an error's code, and its explanation; capitals do not matter.

    Raises:
        DataError: There is no such check or error.
    """
    known = word.strip().upper()
    if known in ERRORS:
        return None, ERRORS[known]
    found = [check for check in CHECKS if check.id == known]
    if not found:
        remedy = nearest(known, [*EXPLANATIONS, *ERRORS])
        raise DataError(f"no check and no error is called {word.strip()[:40]!r}", remedy=remedy)
    return found[0], EXPLANATIONS[known]


# Advice that several checks share

_COPY = "Get the board from a second place and compare the roots. If that one fails too, ask the election office."
_OFFICE = "Keep this board file and its root, publish the finding, and ask the election office for an explanation."
_SETUP = "Trust nothing that follows in this record. Before voting: stop, and hold the key ceremony again."
_HOLDER = "Ask the key holder whom the finding names. Before voting: stop, and hold the key ceremony again."
_BALLOT = (
    "Look at the device in the finding, its other ballots and its tests. If the ballot was cast, the election "
    "office can exclude it in public, naming this check, and count the others."
)
_COUNT = "Do not accept this result. The key holders can decrypt again from the same board, for all to check."
_AGAIN = "The finding names who is at fault. The other key holders can decrypt again without that one."
_STATION = "Ask the polling station, and whoever keeps a copy of its board, for the end of its board as they have it."
_PAGE = "Keep both announcements and their entries, and ask the election office what happened between them."
_SHEET = "Do not use this result sheet. The election office has to publish one that repeats what was decrypted."
_TEST = "This test proves nothing as it was published. Tell the voter who made it, and the auditors."
_LIAR = "Keep the finding. No more ballots should be made on this device until it is explained."
_ROLL = (
    "Ask all registrars what they signed. Do not accept the result before they have compared the roll on this board."
)
_VOTER = "The device in the finding took part. Do not count the ballot. Ask the registrars whether that voter came."
_DOOR = (
    "Ask the desk for its file, and people who stood at that door for their own count. Other registrars can compare."
)
_ANCHOR = "Ask whoever published the number you compare with, on another way than the one the record came by."

EXPLANATIONS: dict[str, Explanation] = {
    check: Explanation(*texts)
    for check, texts in {
        "R.1": ("An entry is not written in the one permitted way, so two readers could read it differently.", _OFFICE),
        "R.2": ("The board has an entry of a kind that this verifier does not know, so it cannot say what it does.",
                "Use the newest e2ev. If that does not know it either, treat the entry as a fault of the board."),
        "B.1": ("The file is damaged, cut short, or ends in entries that the log never promised to keep.", _COPY),
        "B.2": ("The log did not sign the board as it stands. Entries may have been changed, removed or put in.",
                _COPY),
        "B.3": ("An entry is not signed by whom it names. Somebody else wrote it, or it was changed.", _OFFICE),
        "B.4": ("An entry's content is not what its author signed. It was exchanged afterwards.", _COPY),
        "B.5": ("Entries of one author are missing, doubled or out of order. Something may have been left out.",
                "Ask the author for its own messages, and compare them with the board."),
        "B.6": ("An entry was made for another election, or there are two beginnings.", _OFFICE),
        "B.7": ("Somebody posted what only another may post: stuffed ballots look like this.",
                "Do not count what the finding names. Find out who had access to the board."),
        "B.8": ("A step was taken too early, too late, or twice, for instance after the keys were fixed.", _OFFICE),
        "B.9": ("A device never closed, closed over another number of ballots than it posted, or posted afterwards.",
                "Compare the board with the polling place's own count of its ballots. The finding names the device."),
        "B.10": ("A ballot was posted before voting opened or after it closed.",
                 "Do not count it. Ask the polling place in the finding who used its device at that time."),
        "P.1": ("What is shown as the end of a polling station's own board is not signed by that board.", _STATION),
        "P.2": ("A polling station's board has two different ends: it showed two boards, or went on after its end.",
                "Keep both ends: they prove it against the station. Ask its observers for their copies of its board."),
        "P.3": ("A polling station's device posted outside of its station's board, or after that board had ended.",
                "Do not count what the finding names. Ask the station when its device was last used."),
        "P.4": ("Voting was closed although entries of a polling station are missing, or are not the ones it signed.",
                "Find the station's card, or a copy of its board. If both are lost, count its paper, and say so."),
        "P.5": ("A polling place's ballots may be counted twice, on paper and here, or more votes than it had ballots.",
                "Compare the paper's result sheet with the number of ballots that the place has on the board."),
        "Q.1": ("An announced count went down, or a place was taken back, without a correction.", _PAGE),
        "Q.2": ("Announced percentages are not those of the announced votes, or together are not 100 %.", _PAGE),
        "Q.3": ("A correction does not say what it corrects or why, or lets a part of it vanish.", _PAGE),
        "Q.4": ("What was announced lets anybody compute the votes of very few people, by subtraction for instance.",
                "Announce such places together with others. What was published cannot be taken back: tell the voters."),
        "Q.5": ("An announced count is not the one that was decrypted, or not the one on the paper's result sheet.",
                "Believe the result on the board, which is proved. Ask the election office who changed the numbers."),
        "Q.6": ("More votes are announced than ballots can hold. A negative number that was wrapped looks like this.",
                _PAGE),
        "1.A": ("The record says that it follows another specification, so these checks may not fit it.", _SETUP),
        "1.B": ("The election uses a modulus of its own. A chosen one can hide a way to open every vote.", _SETUP),
        "1.C": ("The election uses a group order of its own. Proofs made in it may prove nothing.", _SETUP),
        "1.D": ("The election uses a generator of its own, which nobody has examined.", _SETUP),
        "1.E": ("Proofs are tied to other parameters, or to another number of key holders, than stated.", _SETUP),
        "1.F": ("Proofs are tied to another election file than the one on the board: contests or choices differ.",
                _SETUP),
        "2.A": ("A key holder's key is not a number of the permitted kind, which can leak or break the keys.", _HOLDER),
        "2.B": ("A key holder's proof has a number out of range, so it is not a proof.", _HOLDER),
        "2.C": ("A key holder did not prove to know the secret of its key. Its key may be made from others' keys.",
                _HOLDER),
        "3.A": ("Votes are encrypted to a key that the key holders did not make: somebody else may open them all.",
                _SETUP),
        "3.B": ("Ballot secrets are encrypted to a key that the key holders did not make: somebody may open them.",
                _SETUP),
        "4.A": ("Ballots are tied to another election or other keys than those on the board.", _SETUP),
        "K.1": ("A key holder dealt for another number of needed key holders than agreed. Too few could open votes.",
                _HOLDER),
        "K.2": ("Key holders did not all see the same keys. One of them may have been shown something else.", _HOLDER),
        "K.3": ("Two keys are the same, or one is no key at all: too few could decrypt, or any result stand.", _HOLDER),
        "K.4": ("Voting opened although a key holder never showed that its backup works. The result may be lost.",
                _HOLDER),
        "K.5": ("Keys are made from one another: one key holder may have cancelled the others, and hold the key alone.",
                _SETUP),
        "5.A": ("Two ballots carry one number that must be unique: one of them is a copy.", _BALLOT),
        "5.B": ("A ballot's proofs are tied to something else than this ballot in this election.", _BALLOT),
        "6.A": ("An encrypted mark is not a number of the permitted kind. It could spoil or reveal a count.", _BALLOT),
        "6.B": ("The proof of a mark has a number out of range, so it is not a proof.", _BALLOT),
        "6.C": ("The proof of a mark has a number out of range, so it is not a proof.", _BALLOT),
        "6.D": ("It is not proved that a mark is within its limit. It could be a hundred votes, or minus one.",
                _BALLOT),
        "7.A": ("An encrypted mark is not a number of the permitted kind, so the contest's sum proves nothing.",
                _BALLOT),
        "7.B": ("The proof of a contest's limit has a number out of range, so it is not a proof.", _BALLOT),
        "7.C": ("The proof of a contest's limit has a number out of range, so it is not a proof.", _BALLOT),
        "7.D": ("It is not proved that a ballot keeps the contest's limit. It could choose too many.", _BALLOT),
        "8.A": ("A contest on a ballot is not the one that the voter's ballot code stands for.", _BALLOT),
        "8.B": ("The ballot code does not stand for this ballot: the voter was given a code for another one.", _BALLOT),
        "8.C": ("A device is tied to another description than the one it was admitted with.", _OFFICE),
        "8.D": ("A ballot code is not tied to the device that posted it.", _BALLOT),
        "8.E": ("A device's ballots do not follow one another. One was left out, added, or put elsewhere.", _BALLOT),
        "8.F": ("A device's chain of ballot codes does not begin where it must.", _OFFICE),
        "8.G": ("A device's chain of ballot codes does not end with its last ballot: the end may be cut off.",
                "Compare the device's own count of ballots with the board."),
        "I.1": ("A ballot was made by somebody else than the device that posted it: it may be a copied vote.", _BALLOT),
        "I.2": ("The same encrypted mark stands on two ballots: a vote was copied, or a device repeats secrets.",
                _BALLOT),
        "I.3": ("Two ballots have one ballot code. Two voters would look at the same ballot and both be content.",
                _LIAR),
        "I.4": ("Two proofs were made with the same secret number. From the two anybody can compute a vote.", _LIAR),
        "N.1": ("The secret that opens this ballot as a test is not properly kept. A test of it would fail.", _BALLOT),
        "N.2": ("What the ballot keeps beside its marks is not properly encrypted.", _BALLOT),
        "S.1": ("A ballot does not have the contests of its kind: some are missing, or are not the voter's.", _BALLOT),
        "S.2": ("A ballot offers other choices or other limits than the election file.", _BALLOT),
        "S.3": ("A ballot keeps more or less beside its marks than all others. That could mark it.", _BALLOT),
        "S.4": ("A ballot claims a polling place, kind or number of votes that its device may not issue.", _BALLOT),
        "D.1": ("A ballot was decided about twice, or not at all: cast, and then taken back, for instance.", _OFFICE),
        "D.2": ("Somebody else than the voter's device said what becomes of a ballot.",
                "The finding names who. Ask the voter's polling place what was asked for."),
        "D.3": ("A ballot was left out of the count, and the reason given does not hold.", _COUNT),
        "D.4": ("The numbers of ballots stated at the close are not those on the board.", _OFFICE),
        "D.5": ("A ballot is to be opened that is no valid test ballot. That may show somebody's vote.",
                "Key holders must not answer. If they have, a vote was shown, and the voter should be told."),
        "9.A": ("What is decrypted is not the sum of the counted ballots. Votes were added or left out.", _COUNT),
        "9.B": ("What is decrypted is not the sum of the counted ballots. Votes were added or left out.", _COUNT),
        "C.1": ("Ballots are counted in other groups than the rule gives. Somebody may have chosen what to show.",
                _COUNT),
        "C.2": ("A counting group has so few ballots that its count could show how people voted.",
                "Key holders must not decrypt it. If they have, ask who decided it."),
        "C.3": ("A second count uses other groups. The difference of the two could be one person's vote.",
                "Key holders must not answer the second one."),
        "C.4": ("The result sheet shows other groups than those that were decrypted.", _SHEET),
        "T.1": ("What to decrypt, and who takes part, was not fixed before it began.", _OFFICE),
        "T.2": ("A key holder answered before the others had committed themselves. That opens a way to false proofs.",
                _AGAIN),
        "T.3": ("A key holder's message is too short or too long for what was to be decrypted.", _AGAIN),
        "T.4": ("A key holder showed something else than it had committed to before.", _AGAIN),
        "T.5": ("A key holder's answer is not made with its share of the key, so the count cannot be proved.", _AGAIN),
        "T.6": ("A count is higher than all ballots together can be.", _COUNT),
        "T.7": ("A value in an opened test ballot is not of the permitted kind, so its proof proves nothing.", _TEST),
        "T.8": ("A key holder used a secret number twice. From the two answers anybody can compute its share of the "
                "key.", "Tell the key holder that its share may be known. Few more such shares open every vote."),
        "10.A": ("The proof of a count has a number out of range, so it is not a proof.", _COUNT),
        "10.B": ("A count is not proved: the numbers published need not be what the ballots hold.", _COUNT),
        "10.C": ("A published count is not the number that was decrypted.", _COUNT),
        "11.A": ("The result sheet names a contest that the election file does not have there.", _SHEET),
        "11.B": ("The result sheet names a choice that the contest does not have.", _SHEET),
        "11.C": ("The result sheet leaves out a choice, or lists one twice. Votes may stand beside a wrong name.",
                 _SHEET),
        "11.D": ("A contest that people voted on is missing from the result sheet.", _SHEET),
        "12.A": ("A proof about a test ballot's written-in text has a number out of range.", _TEST),
        "12.B": ("It is not proved that the text shown for a test ballot is what the ballot kept.", _TEST),
        "12.C": ("The text shown for a test ballot is not what was decrypted.", _TEST),
        "13.A": ("The text shown for a test ballot is not what the published secrets open.", _TEST),
        "13.B": ("Encrypting the choices shown gives another ballot. They are not what the device encrypted.", _TEST),
        "14.A": ("A test ballot shows a contest that does not belong on it.", _TEST),
        "14.B": ("A test ballot is opened without one of its contests. The device could have lied there.", _TEST),
        "14.C": ("A test ballot shows a choice that the contest does not have.", _TEST),
        "14.D": ("A test ballot is opened without one of its choices. The device could have lied there.", _TEST),
        "14.E": ("The device had put more votes on one choice than anyone may give.", _LIAR),
        "14.F": ("The device had put more votes into one contest than anyone may give.", _LIAR),
        "O.1": ("The secret published for a test ballot's text is not the one that the text was encrypted with.",
                _TEST),
        "O.2": ("A secret published for a test ballot has a number out of range. It opens nothing.", _TEST),
        "A.1": ("This record is about another election file: other contests, choices or places than you know.",
                _ANCHOR),
        "A.2": ("The key holders are not the people whose keys you know.", _ANCHOR),
        "A.3": ("This board was signed by another log than the one you know: it may be a second, false board.",
                _ANCHOR),
        "A.4": ("This election was founded by another office than the one you know.", _ANCHOR),
        "A.5": ("There are devices that you do not know of, or devices are missing.", _ANCHOR),
        "A.6": ("This is not the board you know: it is older, newer, or another one.", _ANCHOR),
        "A.7": ("Those who say who may vote are not the registrars whom you know.", _ANCHOR),
        "E.1": ("A ballot was cast for which no voter came: stuffed ballots look like this.", _VOTER),
        "E.2": ("A ballot was cast in the name of a voter whose private codes did not all sign it.", _VOTER),
        "E.3": ("A key on the list of voters stands there twice, or is one under which anybody could sign.", _ROLL),
        "E.4": ("The list of voters is not the one that every registrar signed before voting opened.", _ROLL),
        "E.5": ("A ballot is of another kind, place or weight than its voter is entitled to.", _BALLOT),
        "E.6": ("A voter's second ballot was cast, though the election file says that each has one.", _VOTER),
        "E.7": ("So few voters have a certain number of votes that the result would show how they voted.",
                "Before voting: change the weights, or the smallest counting group, and make the list again."),
        "E.8": ("At a polling place there are more ballots than people who came, or more people than voters.", _DOOR),
        "E.9": ("The number of registered voters was changed after it had been fixed, or was never fixed.", _DOOR),
        "E.10": ("At a polling place the numbers of people do not add up, or too many were let in against the device.",
                 _DOOR),
        "E.11": ("A device wants a voter's ballot opened as a test, which would show how that person voted.",
                 "Do not open it. No more ballots should be made on this device until it is explained."),
    }.items()
}  # fmt: skip
"""One for every check."""

ERRORS: dict[str, Explanation] = {
    "E-DATA": Explanation("A file, code or text cannot be read as what it should be (exit code 3).",
                          "See 'where': mend the text, or get the file again from its author."),
    "E-REJECTED": Explanation("A message, proof or board is readable and wrong (exit code 1).",
                              "Do not use it. If 'who' names somebody, that is proved by a signature."),
    "E-INCOMPLETE": Explanation("A verification lacks a part, or a part cannot be believed: there is no verdict (exit "
                                "code 4).",
                                "See 'where': make that part again from this very board, or say whom you trust."),
    "E-NOT-READY": Explanation("A step whose time has not come: messages or people are missing (exit code 5).",
                               "Wait for whom the message names, or run the command it gives."),
    "E-KEY": Explanation("A key file or passphrase does not fit, or belongs to somebody else (exit code 6).",
                         "Try the passphrase again; check that the folder is yours; else use the backup."),
    "E-POLICY": Explanation("The data does not meet what you told e2ev to trust (exit code 7).",
                            "Compare your list of known keys with its publisher before you change it."),
    "E-CONFLICT": Explanation("Two statements cannot both stand: a second answer, a used number, a name that is taken "
                              "(exit code 8).",
                              "Keep both. One of the two is a mistake or a fraud; find out which before you go on."),
    "E-STORAGE": Explanation("The disk refused, or gave back something else than was written (exit code 9).",
                             "Check free space and permissions, then run the same command again."),
    "E-INTERNAL": Explanation("The program itself did something wrong, not you and not your data (exit code 10).",
                              "Keep the lines above the message and report them; no verdict follows."),
}  # fmt: skip
"""One for every code of `errors`."""
