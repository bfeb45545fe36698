"""The radiographs: downloaded, listed in one manifest, split by patient, cropped as serving crops them, augmented."""
