"""A board's static files, kept up to date as the board grows: what is served, and what proofs are read from."""

from pathlib import Path
from threading import Lock

from e2ev.board.files import board_bytes
from e2ev.board.merkle import Tree
from e2ev.board.note import NoteKey
from e2ev.board.reader import Committed, Cosigned, Logged, Place, open_board, read_head
from e2ev.board.signed import last_signed, signed_events
from e2ev.board.static import Folder, Progress, writing
from e2ev.errors import RejectedError


class Published:
    """The static files of one board. The first pass reads the whole board; later ones read what is new.

    Args:
        board: The board file.
        folder: For the static files, as an export writes them.
        progress: Told about entries of the first pass, done and all.

    Attributes:
        key: The log's key.
        end: How many bytes of the board the files cover.

    Raises:
        DataError, RejectedError: The file is no board, or its checkpoints do not hold.
        StorageError: The disk refused.
    """

    def __init__(self, board: Path, folder: Path, progress: Progress = lambda _done, _all: None) -> None:
        self.board, self.folder = board, folder
        signed = last_signed(board)
        self.key: NoteKey = signed.key
        self._size, self._progress = signed.checkpoint.size, progress
        self._lock = Lock()
        with open_board(board) as stream:
            head = read_head(stream, str(board))
            self.end, self._tree = stream.tell(), Tree()
        with writing(folder):
            self._files = Folder(folder, head, self._size)
        self.refresh()

    def refresh(self) -> None:
        """Bring the files up to the board; nothing that is wrong is ever shown.

        Raises:
            RejectedError: The board is shorter than it was, damaged, or a checkpoint does not hold.
            StorageError: The disk refused.
        """
        with self._lock:
            size = board_bytes(self.board)
            if size < self.end:
                raise RejectedError(f"the board has {size} bytes, and had {self.end}", where=str(self.board))
            if size > self.end:
                with writing(self.folder):
                    self._take_new()

    def _take_new(self) -> None:
        waiting, start = list[Logged](), self.end
        for event in signed_events(self.board, self.key, Place(self.end, self._tree)):
            if isinstance(event, Logged):
                waiting.append(event)
                self._progress(event.index + 1, self._size)
            elif isinstance(event, Committed) or (isinstance(event, Cosigned) and not waiting):
                for one in (*waiting, event):
                    self._files.take(one)
                waiting.clear()
                self.end = event.end
                self._tree = event.tree if isinstance(event, Committed) else self._tree
        if self.end > start:
            self._files.publish()
