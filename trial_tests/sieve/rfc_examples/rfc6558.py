"""RFC 6558: convert. The comments of the last one are left out."""

from trial_tests.sieve.rfc_examples.example import Example

EXAMPLES = (
    Example(
        "3.1 tiff",
        """\
require ["convert"];
convert "image/tiff" "image/jpeg" ["pix-x=320","pix-y=240"];""",
    ),
    Example(
        "3.2 as a test",
        """\
require ["mime", "fileinto", "convert"];
if header :mime :anychild :contenttype
          "Content-Type" "image/tiff"
{
 if (convert "image/tiff" "image/jpeg" ["pix-x=320","pix-y=240"])
 {
  fileinto "INBOX.pics";
 }
}""",
        misprints=(
            (
                '(convert "image/tiff" "image/jpeg" ["pix-x=320","pix-y=240"])',
                'convert "image/tiff" "image/jpeg" ["pix-x=320","pix-y=240"]',
            ),
        ),
    ),
    Example(
        "3.3 inline",
        """\
require ["mime", "foreverypart", "fileinto", "convert"];
foreverypart
{
  if header :mime :param "filename" :contains
            "Content-Disposition" "inline"
  {
    if size :over "500K"
    {
     convert "image/tiff" "image/jpeg" ["pix-x=640","pix-y=480"];
    } else {
     convert "image/tiff" "image/jpeg" ["pix-x=320","pix-y=240"];
    }
  }
}""",
        misprints=(('"500K"', "500K"),),
    ),
    Example(
        "3.4 several",
        """\
require ["mime", "foreverypart",
         "fileinto", "redirect", "convert"];

if header :mime :anychild :contenttype
          "Content-Type" "image/tiff"
{
  convert "image/tiff" "image/jpeg" ["pix-x=640","pix-y=480"];
  fileinto "INBOX.pics";
}

foreverypart
{
  if header :mime :param "filename" :contains
            "Content-Disposition" "inline"
  {
    convert "image/jpeg" "image/jpeg" ["pix-x=320","pix-y=240"];
  }
}

if exists "Mobile-Link"
{
  redirect "joe@mobile.example.com";
}

if header :mime :anychild :contenttype
          "Content-Type" "image/tiff"
{
  fileinto "Tiff";
}""",
        misprints=(('"fileinto", "redirect", "convert"', '"fileinto", "convert"'),),
    ),
)
