"""The window's first job, scan and divide; apart from the others, so that scikit-learn is not imported for it."""

from core.data.dataset import find_duplicates, scan
from core.data.split import make_split
from core.limits import limited
from core.pipeline.study import Study
from core.pipeline.views import DatasetView
from core.progress import NO_PROGRESS, Progress


@limited(seconds=900)
def scan_source(study: Study, progress: Progress = NO_PROGRESS) -> DatasetView:
    """Scan and divide."""
    dataset = scan(study.source, cache_folder=study.cache_folder, settings=study.settings.data, progress=progress)
    return DatasetView(dataset, make_split(dataset, study.settings.data), find_duplicates(dataset), study.cache_folder)
