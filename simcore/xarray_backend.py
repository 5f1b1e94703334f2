"""Lets `xarray.open_dataset("x.zarr.zip")` open a zarr store that is packed into one zip file."""

import os
from pathlib import Path

from xarray.backends import BackendEntrypoint, ZarrBackendEntrypoint


class ZarrZipBackend(BackendEntrypoint):
    """Opens a `.zarr.zip` file with xarray's own zarr backend, variables loaded when used."""

    description = "Open one-file zarr stores (.zarr.zip)"

    def guess_can_open(self, filename_or_obj):
        """Whether this is the path of a `.zarr.zip` file."""
        return isinstance(filename_or_obj, str | os.PathLike) and str(filename_or_obj).endswith(
            ".zarr.zip"
        )

    def open_dataset(
        self,
        filename_or_obj,
        *,
        mask_and_scale=True,
        decode_times=True,
        concat_characters=True,
        decode_coords=True,
        drop_variables=None,
        use_cftime=None,
        decode_timedelta=None,
        group=None,
    ):
        """Open the dataset; the arguments are those of `xarray.open_dataset`."""
        from zarr.storage import ZipStore

        store = ZipStore(Path(filename_or_obj).expanduser(), mode="r")
        dataset = ZarrBackendEntrypoint().open_dataset(
            store,
            mask_and_scale=mask_and_scale,
            decode_times=decode_times,
            concat_characters=concat_characters,
            decode_coords=decode_coords,
            drop_variables=drop_variables,
            use_cftime=use_cftime,
            decode_timedelta=decode_timedelta,
            group=group,
            consolidated=False,
        )
        dataset.set_close(store.close)
        return dataset
