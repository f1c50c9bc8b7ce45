"""Dock that segments many files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari.layers import Image, Labels
from napari.viewer import Viewer
from qtpy import QtWidgets

from napari_dsc.jobs import batch
from napari_dsc.jobs.job import Status
from napari_dsc.widgets import preferences, tasks
from napari_dsc.widgets.controls import files_table, forms, run_bar
from napari_dsc.widgets.viewer.output import KEY, add_quietly

IMAGES = "Images (*.tif *.tiff *.png *.jpg *.jpeg *.npy *.bmp *.gif);;All files (*)"
RECIPES = "Recipes (*.json *.tif *.tiff)"
EXISTING = {"keep up-to-date outputs": "resume", "replace all": "overwrite"}
RUNNING = "running"


class Batch(forms.ClosingWidget):
    """Dock of *Plugins > Deep Superpixel Cut > Batch*.

    Files are segmented one after the other in a thread of napari, because a single image
    already uses all cores or the GPU. ``napari-dsc batch`` runs on many machines; tasks, log
    and resuming are the same.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        button = forms.push_button
        self.viewer = napari_viewer
        self.files = files_table.FilesModel()
        self._readers: list[tasks.Task] = []
        self.add_files = button("Add files...", "Add image files to the table.")
        self.add_folder = button("Add folder...", "Add the images of a folder to the table.")
        self.clear = button("Clear", "Remove all rows of the table; no file is deleted.")
        self.recipe = _path_line(
            "defaults", "Recipe, or TIFF of a result, with the parameters to use."
        )
        self.choose_recipe = button("...", "Choose a recipe.")
        self.folder = _path_line("choose a folder", "The result of a.png is a_segments.tif.")
        self.choose_folder = button("...", "Choose the output folder.")
        self.existing = forms.combo_box(
            "Outputs to keep: those of equal file, parameters and weights, or none.",
            EXISTING.items(),
        )
        self.table = QtWidgets.QTableView()
        self.run_bar = run_bar.RunBar(can_keep=False)
        self.retry = button("Retry failed", "Segment the failed files again.")
        self.open = button(
            "Open result", "Add image and labels of the selected file to the viewer."
        )
        self._lay_out()
        self._connect()
        self._show_problem()

    def _lay_out(self) -> None:
        self.table.setModel(self.files)
        self.table.setSelectionBehavior(self.table.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(self.table.SelectionMode.SingleSelection)
        forms.not_none(self.table.verticalHeader()).hide()
        header = forms.not_none(self.table.horizontalHeader())
        header.setSectionResizeMode(0, header.ResizeMode.Stretch)
        header.setSectionResizeMode(1, header.ResizeMode.Fixed)
        form = forms.form_layout()
        form.addRow("Recipe", forms.row_of(self.recipe, self.choose_recipe))
        form.addRow("Output", forms.row_of(self.folder, self.choose_folder))
        form.addRow("Existing", self.existing)
        layout = QtWidgets.QVBoxLayout(self)
        layout.addLayout(forms.row_of(self.add_files, self.add_folder, self.clear))
        layout.addWidget(self.table, 1)
        layout.addLayout(form)
        layout.addWidget(self.run_bar)
        layout.addLayout(forms.row_of(self.retry, self.open))

    def _connect(self) -> None:
        self.add_files.clicked.connect(self._ask_files)
        self.add_folder.clicked.connect(self._ask_folder)
        self.clear.clicked.connect(lambda: self.files.replace_all([]))
        self.choose_recipe.clicked.connect(self._ask_recipe)
        self.choose_folder.clicked.connect(self._ask_output)
        self.folder.textChanged.connect(self._show_problem)
        for signal in (self.files.rowsInserted, self.files.modelReset, self.files.dataChanged):
            signal.connect(self._show_problem)
        selection = forms.not_none(self.table.selectionModel())
        selection.selectionChanged.connect(self._show_selected)
        self.table.doubleClicked.connect(lambda _: self.open_result())
        self.run_bar.run_pressed.connect(self.run)
        self.run_bar.progressed.connect(self._show_progress)
        self.run_bar.succeeded.connect(self._show_end)
        self.run_bar.ended.connect(self._end)
        self.retry.clicked.connect(lambda: self.run(self.files.numbers_of(files_table.FAILED)))
        self.open.clicked.connect(self.open_result)

    # files and folders

    def _ask_files(self) -> None:
        paths, _ = QtWidgets.QFileDialog.getOpenFileNames(self, "Images", "", IMAGES)
        self.files.add(map(Path, paths))

    def _ask_folder(self) -> None:
        path = QtWidgets.QFileDialog.getExistingDirectory(self, "Folder of images")
        if path:
            self.take_folder(Path(path))

    def take_folder(self, folder: Path) -> None:
        """Add the images of a folder; it is listed in the background."""
        self._in_background(batch.find_job, (folder,), self.files.add)

    def _ask_recipe(self) -> None:
        path, _ = QtWidgets.QFileDialog.getOpenFileName(self, "Recipe", "", RECIPES)
        self.recipe.setText(path)

    def _ask_output(self) -> None:
        path = QtWidgets.QFileDialog.getExistingDirectory(self, "Output folder")
        if path:
            self.folder.setText(path)

    def _problem(self) -> str:
        if not self.files.rows:
            return "Add images."
        return "" if self.folder.text().strip() else "Choose an output folder."

    def _show_problem(self, *_: object) -> None:
        is_idle, problem = not self.run_bar.is_running, self._problem()
        self.run_bar.block(problem)
        self.clear.setEnabled(is_idle)
        self.retry.setEnabled(
            is_idle and not problem and bool(self.files.numbers_of(files_table.FAILED))
        )
        row = self._selected()
        self.open.setEnabled(row is not None and row.output is not None)

    def _selected(self) -> files_table.Row | None:
        picked = forms.not_none(self.table.selectionModel()).selectedRows()
        return self.files.rows[picked[0].row()] if picked else None

    def _show_selected(self, *_: object) -> None:
        row = self._selected()
        self._show_problem()
        if row is not None and row.words and not self.run_bar.is_running:
            self.run_bar.status.setText(row.words)

    # running

    def run(self, rows: Sequence[int] = ()) -> None:
        """Segment these rows of the table, or all rows, in the background."""
        if self.run_bar.is_running or self._problem():
            return
        numbers = tuple(rows) or tuple(range(len(self.files.rows)))
        chosen, recipe = preferences.preferences(), self.recipe.text().strip()
        request = batch.BatchRequest(
            sources=tuple(self.files.rows[number].source for number in numbers),
            rows=numbers,
            folder=Path(self.folder.text().strip()),
            recipe=Path(recipe) if recipe else None,
            existing=self.existing.currentData(),
            device=chosen.device,
            n_threads=chosen.threads,
        )
        preferences.apply_weights_preferences(chosen)
        asked = set(numbers)
        self.files.replace_all(
            files_table.Row(row.source) if number in asked else row
            for number, row in enumerate(self.files.rows)
        )
        settings = {"recipe": recipe, "folder": str(request.folder), "files": len(numbers)}
        self.run_bar.start(batch.batch_job, request, len(numbers), settings)
        self._show_problem()

    def _show_progress(self, status: Status) -> None:
        if isinstance(status, batch.FileStatus):
            self.files.update_row(status.row, status.state, status.words, status.output)
            self.table.scrollTo(self.files.index(status.row, 0))

    def _show_end(self, end: batch.Ended) -> None:
        states = ("done", "kept", files_table.FAILED)
        words = ", ".join(f"{end.counts[state]} {state}" for state in states)
        self.run_bar.status.setText("\n".join([f"{words}; log in batch.jsonl", *end.notes]))

    def _end(self) -> None:
        for number in self.files.numbers_of(RUNNING):
            self.files.update_row(number, files_table.WAITING)
        words = self.run_bar.status.text()
        self._show_problem()
        self.run_bar.status.setText(words)

    # the viewer

    def open_result(self) -> None:
        """Add image and labels of the selected file to the viewer."""
        row = self._selected()
        if row is not None and row.output is not None:
            self._in_background(batch.open_job, (row.source, row.output), self._show_result)

    def _show_result(self, opened: batch.Opened) -> None:
        about: Any = opened.record["image"]
        axes = [axis for axis in about["axes"] if axis != "C"]
        sizes, is_known = iter(about["spacing"]), len(axes) == opened.labels.ndim
        in_space = [axis != "T" for axis in axes]
        place: dict[str, Any] = {}
        if is_known and about["spacing"]:
            place["scale"] = [next(sizes) if is_in else 1.0 for is_in in in_space]
        if is_known and about["unit"]:
            place["units"] = [about["unit"] if is_in else "pixel" for is_in in in_space]
        image = Image(opened.pixels, name=opened.name, rgb=opened.rgb, **place)
        metadata = {KEY: opened.record}
        labels = Labels(opened.labels, name=f"{opened.name} [DSC]", metadata=metadata, **place)
        for layer in (image, labels):
            add_quietly(self.viewer, layer)

    def _in_background(self, job: Any, arguments: tuple[object, ...], show: Any) -> None:
        task = tasks.in_background(job, arguments, show)
        self._readers.append(task)
        task.finished.connect(lambda _: self._readers.remove(task))

    def release(self) -> None:
        """Cancel all jobs."""
        if not hasattr(self, "run_bar"):
            return
        self.run_bar.cancel()
        for task in self._readers:
            task.cancel()


def _path_line(placeholder: str, tooltip: str) -> QtWidgets.QLineEdit:
    line = QtWidgets.QLineEdit()
    line.setPlaceholderText(placeholder)
    line.setToolTip(tooltip)
    return line
