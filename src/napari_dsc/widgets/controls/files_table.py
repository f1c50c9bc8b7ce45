"""Table model of the files of a batch; Qt asks it only for the visible rows."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt

HEADER = ("File", "State")
WAITING, FAILED = "waiting", "failed"


@dataclass(frozen=True)
class Row:
    """One file of a batch.

    Parameters
    ----------
    source : Path
        The image.
    state : str
        Waiting, running, done, kept or failed.
    words : str
        Sentence about the state, for the tooltip.
    output : Path or None
        File of the result, if there is one.
    """

    source: Path
    state: str = WAITING
    words: str = ""
    output: Path | None = None


class FilesModel(QAbstractTableModel):
    """Files and their states."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []

    def add(self, sources: Iterable[Path]) -> None:
        """Append the files that are not in the table yet."""
        known = {row.source for row in self.rows}
        new = [Row(source) for source in dict.fromkeys(sources) if source not in known]
        if new:
            first = len(self.rows)
            self.beginInsertRows(QModelIndex(), first, first + len(new) - 1)
            self.rows += new
            self.endInsertRows()

    def replace_all(self, rows: Iterable[Row]) -> None:
        """Replace all rows."""
        self.beginResetModel()
        self.rows = list(rows)
        self.endResetModel()

    def update_row(
        self, number: int, state: str, words: str = "", output: Path | None = None
    ) -> None:
        """Change state, sentence and output of a file."""
        row = self.rows[number]
        self.rows[number] = replace(row, state=state, words=words, output=output)
        self.dataChanged.emit(self.index(number, 0), self.index(number, len(HEADER) - 1))

    def numbers_of(self, *states: str) -> list[int]:
        """Numbers of the rows in one of these states."""
        return [number for number, row in enumerate(self.rows) if row.state in states]

    # the interface of Qt's table models

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - default of Qt
        """Number of files."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - default of Qt
        """Number of columns."""
        return 0 if parent.isValid() else len(HEADER)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text or tooltip of a cell; None for all other roles."""
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return (row.source.name, row.state)[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return (str(row.source), row.words or row.state)[index.column()]
        return None

    def headerData(
        self, section: int, orientation: Any, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Name of a column."""
        is_text = role == Qt.ItemDataRole.DisplayRole
        return HEADER[section] if is_text and orientation == Qt.Orientation.Horizontal else None
