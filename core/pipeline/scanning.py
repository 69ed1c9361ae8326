"""The window's first job, scan and divide; apart from the others, so that scikit-learn is not imported for it."""

from core.data.dataset import find_duplicates, scan
from core.data.group_patterns import suggest_patterns
from core.data.split import make_split
from core.limits import limited
from core.pipeline.study import Study
from core.pipeline.views import DatasetView
from core.progress import NO_PROGRESS, Progress


@limited(seconds=900)
def scan_source(study: Study, progress: Progress = NO_PROGRESS) -> DatasetView:
    """Scan and divide."""
    dataset = scan(study.source, cache_folder=study.cache_folder, settings=study.settings.data, progress=progress)
    split, same = make_split(dataset, study.settings.data), find_duplicates(dataset)
    suggested = () if any(image.group for image in dataset.images) else suggest_patterns(dataset.images)
    return DatasetView(
        dataset, split, same, study.cache_folder, tuple((one.pattern, one.n_groups) for one in suggested)
    )
