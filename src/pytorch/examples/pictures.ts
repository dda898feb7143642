// Part of examples.py. Images with captions.

export const pictures = `
def read_images(folder, captions):
    """Images of a folder with a table of their names and captions."""
    image = next(given for given in INPUTS if given["classes"] is None)
    caption = next(given for given in INPUTS if given["classes"] is not None)
    channels, height, width = (RUN["sizes"].get(size, size) for size in image["shape"])
    with open(captions, encoding="utf-8-sig", newline="") as file:
        first = file.readline()
        file.seek(0)
        rows = [row for row in csv.reader(file, delimiter="\\t" if "\\t" in first else ",") if row]
    names = [name.strip().lower() for name in rows[0]]
    at = lambda known, usual: next((k for k, name in enumerate(names) if name in known), usual)
    files = at({"image", "image_name", "file", "filename", "file_name"}, 0)
    texts = at({"caption", "comment", "text", "sentence"}, len(names) - 1)
    has_header = any(name in {"image", "image_name", "file", "filename", "file_name", "caption", "comment", "text", "sentence"} for name in names)
    keep = functools.lru_cache(maxsize=max(64, 2**29 // (channels * height * width)))(functools.partial(picture, channels=channels, height=height, width=width))
    examples, groups = [], []
    for row in rows[has_header:]:
        name = re.sub(r"#\\d+$", "", row[files].strip()).replace("\\\\", "/")
        path = Path(folder) / name
        found = tokens(tidy(row[texts]), RUN["vocabularies"][caption["classes"]])
        if path.is_file() and 0 < len(found) <= longest_side():
            examples.append({image["name"]: functools.partial(keep, path), caption["name"]: ids_of(caption, found)})
            groups.append(name)
    left_out(len(rows) - has_header - len(examples), "captions without an image, without a word, or too long")
    if not examples:
        raise SystemExit(f"None of the images of {captions} are in {folder}.")
    return parts_of(examples, True, groups)


def picture(path, channels, height, width):
    """[channels, height, width] of 0 to 1: turned as it was seen, on white where it is transparent, each new pixel the mean of the old ones that fall together there."""
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise SystemExit("Images are decoded by Pillow, which is not installed: pip install pillow") from None
    with Image.open(path) as image:
        rgba = ImageOps.exif_transpose(image).convert("RGBA")
    planes = torch.frombuffer(bytearray(rgba.tobytes()), dtype=torch.uint8).reshape(rgba.height, rgba.width, 4).permute(2, 0, 1).float()
    if channels < 4:
        planes = 255 + (planes[:3] - 255) * planes[3:] / 255
    if channels == 1:
        planes = (planes * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(0, keepdim=True)
    resized = torch.nn.functional.interpolate(planes[None], size=(height, width), mode="bilinear", align_corners=False, antialias=True)[0]
    return resized.round().clamp(0, 255).to(torch.uint8)

`;
